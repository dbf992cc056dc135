import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type ProviderField, readJson } from "nexus-integrations/plugin"
import { companyField } from "./Accounts.ts"
import { resource, type SalesforceConnection, send } from "./Client.ts"

const Describe = Schema.Struct({
  createable: Schema.optionalKey(Schema.Boolean),
  updateable: Schema.optionalKey(Schema.Boolean),
  fields: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      label: Schema.String,
      type: Schema.String,
      length: Schema.optionalKey(Schema.Finite),
      nillable: Schema.optionalKey(Schema.Boolean),
      defaultedOnCreate: Schema.optionalKey(Schema.Boolean),
      createable: Schema.optionalKey(Schema.Boolean),
      updateable: Schema.optionalKey(Schema.Boolean),
      externalId: Schema.optionalKey(Schema.Boolean)
    })
  )
})

/** What the org says about the object that contacts become. */
export const describe = Effect.fnUntraced(function* (connection: SalesforceConnection) {
  const { object } = connection.settings
  const answer = yield* send(connection, HttpClientRequest.get(resource(connection, `/sobjects/${object}/describe`)))
  return yield* readJson(Describe)(answer)
})

const types: Readonly<Record<string, ProviderField["type"]>> = {
  boolean: "boolean",
  int: "number",
  double: "number",
  currency: "number",
  percent: "number",
  date: "date",
  datetime: "date",
  picklist: "choice",
  multipicklist: "choice",
  reference: "lookup"
}

/** Contacts have no company; it is looked up among the accounts. */
const company: ProviderField = {
  name: companyField,
  label: "Company (name of the account)",
  type: "lookup",
  required: false,
  maxLength: 255
}

/** The fields that may be written, and for contacts the company. */
export const describeFields = Effect.fn("Salesforce.describeFields")(function* (connection: SalesforceConnection) {
  const { fields } = yield* describe(connection)
  const writable = fields
    .filter(({ createable, updateable }) => createable === true && updateable === true)
    .map(
      ({ name, label, type, length = 0, nillable, defaultedOnCreate }): ProviderField => ({
        name,
        label,
        type: types[type] ?? "text",
        required: nillable === false && defaultedOnCreate !== true && type !== "boolean",
        ...(length > 0 ? { maxLength: length } : {})
      })
    )
  return connection.settings.object === "Contact" ? [...writable, company] : writable
})
