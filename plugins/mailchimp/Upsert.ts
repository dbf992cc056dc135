import { Effect, Option, Schema } from "effect"
import { byHalves, Outcome, type OutgoingContact, readJson } from "nexus-integrations/plugin"
import { audienceOf } from "./Audience.ts"
import { audiencePath, type MailchimpConnection, send } from "./Client.ts"
import { ensureFields } from "./Fields.ts"
import { findMember, findMembers, idOf, Member, memberPath } from "./Members.ts"
import { mergeFields, type Run } from "./Run.ts"
import { addTags } from "./Tags.ts"

const Added = Schema.Struct({
  new_members: Schema.Array(Member),
  errors: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        email_address: Schema.optionalKey(Schema.String),
        error: Schema.optionalKey(Schema.String),
        error_code: Schema.optionalKey(Schema.String),
        field: Schema.optionalKey(Schema.NullOr(Schema.String))
      })
    )
  )
})

/**
 * Adds who is missing, 500 a call, and changes who differs, one a call, neither in a way that could touch the status of
 * somebody who is there: who leaves between our reading and our writing has left. `update_existing` gives everybody the
 * status of the call, so it is never used; `status_if_new` exists for single members alone.
 */
export const upsert = Effect.fn("Mailchimp.upsert")(function* (
  connection: MailchimpConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  const { doubleOptIn } = yield* audienceOf(connection)
  const { newStatus } = connection.settings
  yield* ensureFields(connection, new Set(batch.flatMap((contact) => Object.keys(mergeFields(contact)))))
  const members = yield* findMembers(
    connection,
    batch.map(({ email }) => email)
  )
  const run: Run = { connection, status: newStatus === "subscribed" && doubleOptIn ? "pending" : newStatus, members }

  const missing = batch.filter(({ email }) => !members.has(email))
  const outcomes = yield* byHalves(missing, (some) => add(run, some))
  const added = new Map(missing.map(({ id }, index) => [id, outcomes[index]] as const))
  return yield* Effect.forEach(
    batch,
    Effect.fnUntraced(function* (contact) {
      const outcome = added.get(contact.id) ?? (yield* change(run, contact))
      return yield* addTags(run, contact, outcome)
    }),
    { concurrency: 5 }
  )
})

/** Adds contacts that were not there. A call that Mailchimp refuses whole fails with `Rejected`. */
const add = Effect.fnUntraced(function* (run: Run, contacts: ReadonlyArray<OutgoingContact>) {
  const { connection, status, members } = run
  const answer = yield* send(connection, "POST", audiencePath(connection), {
    query: { skip_merge_validation: "true", skip_duplicate_check: "true" },
    body: {
      members: contacts.map((contact) => ({
        email_address: contact.email,
        status,
        merge_fields: mergeFields(contact)
      })),
      update_existing: false,
      sync_tags: false
    }
  })
  const { new_members, errors = [] } = yield* readJson(Added)(answer)
  const created = new Map(new_members.map((member) => [member.email_address.toLowerCase(), member]))
  // Addresses in errors have been seen with quotes around them.
  const refused = new Map(errors.map((error) => [plain(error.email_address ?? ""), error]))
  return yield* Effect.forEach(
    contacts,
    Effect.fnUntraced(function* (contact) {
      const member = created.get(contact.email)
      if (member !== undefined) {
        members.set(contact.email, member)
        return Outcome.Created({ externalId: member.id })
      }
      const error = refused.get(contact.email)
      if (error?.error_code === "ERROR_CONTACT_EXISTS") return yield* changeNewcomer(run, contact)
      if (error === undefined) {
        return Outcome.Rejected({ reason: "Mailchimp did not say what became of this contact", retryable: true })
      }
      const { error: reason = "Mailchimp refused the contact", field } = error
      return Outcome.Rejected({ reason, retryable: false, ...(field ? { field } : {}) })
    }),
    { concurrency: 5 }
  )
})

const plain = (email: string) => email.replace(/^["'\s]+|["'\s]+$/g, "").toLowerCase()

/** Someone who came since the audience was read, or with an earlier call of ours whose answer was lost. */
const changeNewcomer = Effect.fnUntraced(function* (run: Run, contact: OutgoingContact) {
  const member = yield* findMember(run.connection, idOf(contact.email))
  if (Option.isSome(member)) run.members.set(contact.email, member.value)
  return yield* change(run, contact)
})

/** Gives someone who is there our values, and leaves the status as it is. */
const change = Effect.fnUntraced(function* (run: Run, contact: OutgoingContact) {
  const { connection, status, members } = run
  const member = members.get(contact.email)
  if (member?.status === "archived") {
    const reason = "The contact is archived in Mailchimp: unarchive it there, and it is kept in step again"
    return Outcome.Rejected({ reason, retryable: false })
  }
  if (member !== undefined && isSame(member, contact)) return Outcome.Unchanged({ externalId: member.id })
  return yield* send(connection, "PUT", memberPath(connection, idOf(contact.email)), {
    query: { skip_merge_validation: "true" },
    body: { email_address: contact.email, status_if_new: status, merge_fields: mergeFields(contact) }
  }).pipe(
    Effect.flatMap(readJson(Member)),
    Effect.map((written): Outcome => {
      // An answer may leave the tags out.
      members.set(contact.email, { tags: member?.tags ?? [], ...written })
      return Outcome.Updated({ externalId: written.id })
    }),
    Effect.catchReason("ProviderError", "Rejected", ({ field }, { detail }) =>
      Effect.succeed(Outcome.Rejected({ reason: detail, retryable: false, ...(field === null ? {} : { field }) }))
    )
  )
})

const isSame = ({ merge_fields = {} }: Member, contact: OutgoingContact) =>
  Object.entries(mergeFields(contact)).every(([tag, value]) => sameValue(merge_fields[tag], value))

/** Mailchimp cuts texts off at 255 bytes. */
const sameValue = (there: unknown, here: string | number | boolean) => {
  const [one, other] = [String(there ?? ""), String(here)]
  if (one === other) return true
  const bytes = new TextEncoder().encode(one).length
  return bytes > 251 && bytes <= 255 && other.startsWith(one)
}
