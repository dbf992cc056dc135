import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type ProviderField, readJson } from "nexus-integrations/plugin"
import { resource, send, type ZohoConnection } from "./Client.ts"

const flag = Schema.optionalKey(Schema.NullOr(Schema.Boolean))

const Fields = Schema.Struct({
  fields: Schema.Array(
    Schema.Struct({
      api_name: Schema.String,
      field_label: Schema.String,
      data_type: Schema.String,
      length: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
      system_mandatory: flag,
      read_only: flag,
      field_read_only: flag,
      operation_type: Schema.optionalKey(Schema.NullOr(Schema.Struct({ api_create: flag, api_update: flag })))
    })
  )
})
type Field = (typeof Fields.Type)["fields"][number]

/** Types whose values are a single text, number or truth value. Lists, files and formulas are none. */
const types: Readonly<Record<string, ProviderField["type"]>> = {
  text: "text",
  textarea: "text",
  email: "text",
  phone: "text",
  website: "text",
  integer: "number",
  bigint: "number",
  double: "number",
  currency: "number",
  percent: "number",
  boolean: "boolean",
  date: "date",
  datetime: "date",
  picklist: "choice"
}

/** The only lookup that can be filled by name. */
const company: ProviderField = { name: "Account_Name", label: "Account Name", type: "lookup", required: false }

const field = (name: string, maxLength: number): ProviderField => ({
  name,
  label: name.replace("_", " "),
  type: "text",
  required: name === "Last_Name",
  maxLength
})

/** What every account has, for tokens that may not ask. */
const standard: ReadonlyArray<ProviderField> = [
  field("First_Name", 40),
  field("Last_Name", 80),
  field("Email", 100),
  field("Phone", 30),
  field("Title", 100),
  company
]

/** The fields that may be written; without the scope for reading them, those that every account has. */
export const describeFields = Effect.fn("Zoho.describeFields")(
  function* (connection: ZohoConnection) {
    const request = HttpClientRequest.get(resource(connection, "/settings/fields"), {
      urlParams: { module: "Contacts" }
    })
    const answer = yield* send(connection, request, "ZohoCRM.settings.fields.READ")
    const { fields } = yield* readJson(Fields)(answer)
    return fields.filter(isWritable).flatMap((found) => described(found) ?? [])
  },
  (effect) => Effect.catchReason(effect, "ProviderError", "Forbidden", () => Effect.succeed(standard))
)

const isWritable = ({ read_only, field_read_only, operation_type }: Field) =>
  read_only !== true &&
  field_read_only !== true &&
  operation_type?.api_create !== false &&
  operation_type?.api_update !== false

const described = ({
  api_name,
  field_label,
  data_type,
  length,
  system_mandatory
}: Field): ProviderField | undefined => {
  if (api_name === company.name) return { ...company, label: field_label }
  const type = types[data_type]
  if (type === undefined) return undefined
  const maxLength = type === "text" && length ? { maxLength: length } : {}
  return {
    name: api_name,
    label: field_label,
    type,
    required: system_mandatory === true || api_name === "Last_Name",
    ...maxLength
  }
}
