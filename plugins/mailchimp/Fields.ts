import { Effect, Schema } from "effect"
import { misconfigured, type ProviderField, perConnection, readJson } from "nexus-integrations/plugin"
import { audiencePath, type MailchimpConnection, send } from "./Client.ts"

const MergeFields = Schema.Struct({
  merge_fields: Schema.Array(
    Schema.Struct({
      tag: Schema.String,
      name: Schema.String,
      type: Schema.String,
      required: Schema.optionalKey(Schema.Boolean)
    })
  )
})

/** The fields of the default mapping, which are made where an audience lacks them; any audience may have lost some. */
const ours: Readonly<Record<string, string>> = {
  FNAME: "First Name",
  LNAME: "Last Name",
  PHONE: "Phone Number",
  COMPANY: "Company",
  JOBTITLE: "Job Title"
}

const types: Readonly<Record<string, ProviderField["type"]>> = {
  number: "number",
  date: "date",
  birthday: "date",
  radio: "choice",
  dropdown: "choice"
}

const read = Effect.fnUntraced(function* (connection: MailchimpConnection) {
  const answer = yield* send(connection, "GET", `${audiencePath(connection)}/merge-fields`, {
    query: { count: "1000" }
  })
  return (yield* readJson(MergeFields)(answer)).merge_fields
})

/** Tags of the audience's merge fields; those that we add join them. */
const knownTags = perConnection((connection: MailchimpConnection) =>
  Effect.map(read(connection), (fields) => new Set(fields.map(({ tag }) => tag)))
)

/** The address, the audience's merge fields with a plain value, and those that are made when they are needed. */
export const describeFields = Effect.fn("Mailchimp.describeFields")(function* (connection: MailchimpConnection) {
  const fields = yield* read(connection)
  const missing = Object.entries(ours).filter(([tag]) => fields.every((field) => field.tag !== tag))
  const address: ProviderField = { name: "email_address", label: "Email address", type: "text", required: true }
  return [
    address,
    ...fields
      // An address has parts, which a mapping of single fields can't fill.
      .filter(({ type }) => type !== "address")
      .map(
        // Not required, even where forms require it: calls are made with `skip_merge_validation`.
        ({ tag, name, type }): ProviderField => ({ name: tag, label: name, required: false, ...typeOf(type) })
      ),
    ...missing.map(([tag, label]): ProviderField => ({ name: tag, label, required: false, ...typeOf("text") }))
  ]
})

const typeOf = (type: string): Pick<ProviderField, "type" | "maxLength"> =>
  type === "text" ? { type: "text", maxLength: 255 } : { type: types[type] ?? "text" }

/** Makes those of our merge fields that the audience lacks; Mailchimp passes over values of fields that it lacks. */
export const ensureFields = Effect.fn("Mailchimp.ensureFields")(function* (
  connection: MailchimpConnection,
  tags: ReadonlySet<string>
) {
  const known = yield* knownTags(connection)
  for (const tag of tags) {
    if (known.has(tag)) continue
    const name = ours[tag]
    if (name === undefined) {
      return yield* misconfigured(`The audience has no merge field ${tag}: make it in Mailchimp, or change the mapping`)
    }
    yield* create(connection, tag, name)
    known.add(tag)
  }
})

const create = (connection: MailchimpConnection, tag: string, name: string) =>
  send(connection, "POST", `${audiencePath(connection)}/merge-fields`, { body: { tag, name, type: "text" } }).pipe(
    Effect.catchReason("ProviderError", "Rejected", (_, { detail }) =>
      // Another run may have made it just now; otherwise there is no room for it.
      Effect.filterOrFail(
        read(connection),
        (fields) => fields.some((field) => field.tag === tag),
        () => misconfigured(`The merge field ${tag} can't be made in the audience: ${detail}`)
      )
    )
  )
