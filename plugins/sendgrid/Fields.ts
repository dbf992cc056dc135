/** SendGrid's fields: some of its own, and custom ones that are written by their ids and read by their names. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { misconfigured, type ProviderField, perConnection, readJson } from "nexus-integrations/plugin"
import { api, type SendGridConnection, send } from "./Client.ts"

const CustomField = Schema.Struct({ id: Schema.String, name: Schema.String, field_type: Schema.String })
export type CustomField = typeof CustomField.Type

const Definitions = Schema.Struct({ custom_fields: Schema.optionalKey(Schema.Array(CustomField)) })

/**
 * The fields of SendGrid's own that a contact may be written with, and the characters that they hold (twilio/sendgrid-oai,
 * ContactRequest). Not among them: `phone_number`, which can only be read, and identifiers, which would have to be sent
 * with every later change too.
 */
export const ownFields: ReadonlyMap<string, { readonly label: string; readonly maxLength?: number }> = new Map([
  ["email", { label: "Email", maxLength: 254 }],
  ["first_name", { label: "First name", maxLength: 50 }],
  ["last_name", { label: "Last name", maxLength: 50 }],
  ["address_line_1", { label: "Address line 1", maxLength: 100 }],
  ["address_line_2", { label: "Address line 2", maxLength: 100 }],
  ["city", { label: "City", maxLength: 60 }],
  ["state_province_region", { label: "State, province or region", maxLength: 50 }],
  ["postal_code", { label: "Postal code" }],
  ["country", { label: "Country", maxLength: 50 }]
])

/** Custom fields of the default mapping and of the tags, which are made when they are needed. */
const ours: ReadonlyMap<string, string> = new Map([
  ["phone", "Phone"],
  ["company", "Company"],
  ["job_title", "Job title"],
  ["tags", "Tags"]
])

const definitions = `${api}/v3/marketing/field_definitions`

const read = Effect.fnUntraced(function* (connection: SendGridConnection) {
  const answer = yield* send(connection, HttpClientRequest.get(definitions))
  return (yield* readJson(Definitions)(answer)).custom_fields ?? []
})

/** Custom fields by name in lower case, in which they are unique; those that we make join them. */
const customFields = perConnection((connection: SendGridConnection) =>
  Effect.map(read(connection), (fields) => new Map(fields.map((field) => [field.name.toLowerCase(), field])))
)

/** SendGrid's own fields that can be written, the custom ones, and those that are made when they are needed. */
export const describeFields = Effect.fn("SendGrid.describeFields")(function* (connection: SendGridConnection) {
  const fields = yield* read(connection)
  const isThere = (name: string) => fields.some((field) => field.name.toLowerCase() === name)
  return [
    ...Array.from(
      ownFields,
      ([name, about]): ProviderField => ({ name, type: "text", required: name === "email", ...about })
    ),
    ...fields.map(
      ({ name, field_type }): ProviderField => ({ name, label: name, required: false, type: typeOf(field_type) })
    ),
    ...Array.from(ours)
      .filter(([name]) => name !== "tags" && !isThere(name))
      .map(([name, label]): ProviderField => ({ name, label, required: false, type: "text" }))
  ]
})

const typeOf = (fieldType: string): ProviderField["type"] =>
  fieldType === "Number" ? "number" : fieldType === "Date" ? "date" : "text"

/** Finds the custom fields of these names, and makes those of ours that are missing. By name in lower case. */
export const customFieldsOf = Effect.fn("SendGrid.customFieldsOf")(function* (
  connection: SendGridConnection,
  names: ReadonlySet<string>
) {
  const known = yield* customFields(connection)
  for (const name of names) {
    if (known.has(name.toLowerCase())) continue
    if (!ours.has(name)) {
      return yield* misconfigured(`SendGrid has no custom field ${name}: make it there, or change the mapping`)
    }
    known.set(name.toLowerCase(), yield* create(connection, name))
  }
  return known
})

const create = Effect.fnUntraced(
  function* (connection: SendGridConnection, name: string) {
    const request = HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(definitions), { name, field_type: "Text" })
    return yield* readJson(CustomField)(yield* send(connection, request))
  },
  (effect, connection, name) =>
    Effect.catchReason(effect, "ProviderError", "Rejected", (_, { detail }) =>
      Effect.flatMap(read(connection), (fields) => {
        // Another run may have made it just now; otherwise there is no room for it, with 500 of them.
        const found = fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
        return found === undefined
          ? Effect.fail(misconfigured(`The custom field ${name} can't be made in SendGrid: ${detail}`))
          : Effect.succeed(found)
      })
    )
)
