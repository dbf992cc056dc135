/** Salesforce's contacts or leads. `README.md` in this folder has the scopes, limits and quirks, with their sources. */
import { Effect, Option, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import {
  type Account,
  failureOf,
  forbidden,
  misconfigured,
  type ProviderDefinition,
  plugin,
  readJson
} from "nexus-integrations/plugin"
import { credentials, instanceOf, instances, resource, type SalesforceConnection, send, settings } from "./Client.ts"
import { describe, describeFields } from "./Fields.ts"
import { limits } from "./Limits.ts"
import { login, oauth } from "./OAuth.ts"
import { remove } from "./Remove.ts"
import { upsert } from "./Upsert.ts"

const Resources = Schema.Struct({ identity: Schema.optionalKey(Schema.String) })

const verify = Effect.fn("Salesforce.verify")(function* (connection: SalesforceConnection) {
  const { object, externalIdField } = connection.settings
  const { identity = "" } = yield* readJson(Resources)(
    yield* send(connection, HttpClientRequest.get(resource(connection, "/")))
  )
  const { createable, updateable, fields } = yield* describe(connection)
  if (createable !== true || updateable !== true) {
    const detail = `The Salesforce user may not create and edit records of ${object}`
    return yield* forbidden(detail, `the permissions Create and Edit on ${object}`)
  }
  const field = fields.find(({ name }) => name === externalIdField)
  if (externalIdField !== undefined && field?.externalId !== true) {
    return yield* misconfigured(`${object} has no field ${externalIdField} that is marked External ID`)
  }
  const { host } = new URL(instanceOf(connection))
  // https://login.salesforce.com/id/<org>/<user>
  const [, org = host] = /\/id\/(00D\w{12,15})\//.exec(identity) ?? []
  return { id: org, label: host } satisfies Account
})

const OAuthError = Schema.fromJsonString(Schema.Struct({ error: Schema.optionalKey(Schema.String) }))

const revoke = Effect.fn("Salesforce.revoke")(function* (connection: SalesforceConnection) {
  const request = HttpClientRequest.post(`${instanceOf(connection)}/services/oauth2/revoke`).pipe(
    HttpClientRequest.bodyUrlParams({ token: Redacted.value(connection.credentials.accessToken) })
  )
  const answer = yield* connection.http.execute(request)
  if (answer.status < 300) return
  const body = yield* Effect.orElseSucceed(answer.text, () => "")
  const error = Option.getOrElse(Schema.decodeOption(OAuthError)(body), () => ({ error: undefined })).error
  // A token that is no good any more is what was asked for.
  if (answer.status === 400 && (error === "invalid_token" || error === "unsupported_token_type")) return
  return yield* failureOf(answer.status, `Salesforce did not revoke the token (status ${answer.status})`)
})

const definition: ProviderDefinition<typeof credentials.Type, typeof settings.Type> = {
  id: "SALESFORCE",
  name: "Salesforce",
  category: "crm",
  description: "Keeps the contacts or leads of a Salesforce org in step with your contacts.",
  documentation: "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/",
  logo: { monogram: "SF", color: "#00a1e0" },
  contract: 1,
  // The first that matches is the one, and instances have names below the same domain.
  hosts: { login, instance: instances },
  credentials,
  oauth,
  settings,
  limits,
  verify,
  revoke,
  contacts: {
    batchSize: 200,
    mapping: {
      firstName: "FirstName",
      lastName: "LastName",
      email: "Email",
      phone: "Phone",
      company: "Company",
      jobTitle: "Title"
    },
    describeFields,
    upsert,
    remove
  }
}

export const SalesforcePlugin = plugin(definition)
