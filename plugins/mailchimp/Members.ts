/** Who is in the audience. Mailchimp has no call that reads members by a list of addresses. */
import { Effect, Option, Schema } from "effect"
import { digest, perConnection, readJson } from "nexus-integrations/plugin"
import { audienceOf } from "./Audience.ts"
import { audiencePath, type MailchimpConnection, send } from "./Client.ts"

export const Member = Schema.Struct({
  id: Schema.String,
  email_address: Schema.String,
  /** subscribed, unsubscribed, cleaned (bounced), pending, transactional, archived */
  status: Schema.String,
  merge_fields: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  tags: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String })))
})
export type Member = typeof Member.Type

const Page = Schema.Struct({ members: Schema.Array(Member), total_items: Schema.Finite })

/** The most that a page holds. */
const pageSize = 1000
/** The largest audience that is kept in memory for a run, at about a kilobyte for each member. */
const largestKept = 100_000

const fields = ["id", "email_address", "status", "merge_fields", "tags"]

/** Mailchimp's id of a member: MD5 of the address in lower case. */
export const idOf = (email: string): string => digest("md5", email.trim().toLowerCase())

/** @param id as {@link idOf} makes it */
export const memberPath = (connection: MailchimpConnection, id: string) => `${audiencePath(connection)}/members/${id}`

/** Reads one member, archived ones too; none where there never was one. */
export const findMember = Effect.fn("Mailchimp.findMember")(
  function* (connection: MailchimpConnection, id: string) {
    const answer = yield* send(connection, "GET", memberPath(connection, id), { query: { fields: fields.join() } })
    return Option.some(yield* readJson(Member)(answer))
  },
  // The audience is known to be there, so what is not found is the member.
  Effect.catchReason("ProviderError", "Misconfigured", () => Effect.succeedNone)
)

const listed = Effect.fnUntraced(function* (connection: MailchimpConnection, filter: Readonly<Record<string, string>>) {
  const members: Array<Member> = []
  for (let offset = 0; ; offset += pageSize) {
    const answer = yield* send(connection, "GET", `${audiencePath(connection)}/members`, {
      query: {
        ...filter,
        count: String(pageSize),
        offset: String(offset),
        // By an order that changes while it is read only at its end, or pages would skip some.
        sort_field: "timestamp_signup",
        sort_dir: "ASC",
        fields: [...fields.map((name) => `members.${name}`), "total_items"].join()
      }
    })
    const page = yield* readJson(Page)(answer)
    members.push(...page.members)
    if (page.members.length === 0 || offset + pageSize >= page.total_items) return members
  }
})

/** The whole audience by lower-case address, read once for each run. Writers put what they wrote into it. */
const wholeAudience = perConnection(
  Effect.fnUntraced(function* (connection: MailchimpConnection) {
    // Archived members are in no list but their own.
    const members = [...(yield* listed(connection, {})), ...(yield* listed(connection, { status: "archived" }))]
    return new Map(members.map((member) => [member.email_address.toLowerCase(), member]))
  })
)

/**
 * Finds who of these is in the audience, by address in lower case, in the cheaper of two ways: reading the whole audience
 * once for the run, a thousand at a time, or each of these alone.
 */
export const findMembers = Effect.fn("Mailchimp.findMembers")(function* (
  connection: MailchimpConnection,
  emails: ReadonlyArray<string>
) {
  const { size } = yield* audienceOf(connection)
  if (size !== undefined && size <= largestKept && Math.ceil(size / pageSize) + 1 < emails.length) {
    return yield* wholeAudience(connection)
  }
  const found = yield* Effect.forEach(emails, (email) => findMember(connection, idOf(email)), { concurrency: 5 })
  return new Map(found.flatMap(Option.toArray).map((member) => [member.email_address.toLowerCase(), member]))
})
