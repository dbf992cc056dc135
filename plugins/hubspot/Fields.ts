import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type ProviderField, readJson } from "nexus-integrations/plugin"
import { api, type HubSpotConnection, send } from "./Client.ts"

const Properties = Schema.Struct({
  results: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      label: Schema.String,
      type: Schema.String,
      calculated: Schema.optionalKey(Schema.Boolean),
      modificationMetadata: Schema.optionalKey(Schema.Struct({ readOnlyValue: Schema.optionalKey(Schema.Boolean) }))
    })
  )
})

const types: Readonly<Record<string, ProviderField["type"]>> = {
  string: "text",
  number: "number",
  bool: "boolean",
  date: "date",
  datetime: "date",
  enumeration: "choice"
}

/** The contact properties that may be written. HubSpot requires none but the email that contacts are matched by. */
export const describeFields = Effect.fn("HubSpot.describeFields")(function* (connection: HubSpotConnection) {
  const answer = yield* send(connection, HttpClientRequest.get(`${api}/crm/v3/properties/contacts`))
  const { results } = yield* readJson(Properties)(answer)
  return results
    .filter(
      ({ calculated, modificationMetadata }) => calculated !== true && modificationMetadata?.readOnlyValue !== true
    )
    .map(
      ({ name, label, type }): ProviderField => ({
        name,
        label,
        type: types[type] ?? "text",
        required: name === "email"
      })
    )
})
