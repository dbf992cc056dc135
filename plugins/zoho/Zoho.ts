/** Zoho CRM's contacts. `README.md` in this folder has the scopes, limits and quirks, with their sources. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Account, type ProviderDefinition, plugin, readJson } from "nexus-integrations/plugin"
import { accounts, apiDomains, credentials, resource, send, settings, type ZohoConnection } from "./Client.ts"
import { describeFields } from "./Fields.ts"
import { limits } from "./Limits.ts"
import { oauth } from "./OAuth.ts"
import { remove } from "./Remove.ts"
import { upsert } from "./Upsert.ts"

const text = Schema.optionalKey(Schema.NullOr(Schema.String))

const Users = Schema.Struct({
  users: Schema.NonEmptyArray(Schema.Struct({ id: Schema.String, full_name: text, email: text }))
})
const Orgs = Schema.Struct({ org: Schema.NonEmptyArray(Schema.Struct({ id: Schema.String, company_name: text })) })

/** Whose token it is: its user; or the org, for a token that may see only that. */
const userOf = Effect.fnUntraced(function* (connection: ZohoConnection) {
  const request = HttpClientRequest.get(resource(connection, "/users"), { urlParams: { type: "CurrentUser" } })
  const { users } = yield* readJson(Users)(yield* send(connection, request, "ZohoCRM.users.READ"))
  const [{ id, full_name, email }] = users
  return { id, label: email ?? full_name ?? id } satisfies Account
})

const orgOf = Effect.fnUntraced(function* (connection: ZohoConnection) {
  const answer = yield* send(connection, HttpClientRequest.get(resource(connection, "/org")), "ZohoCRM.org.READ")
  const [{ id, company_name }] = (yield* readJson(Orgs)(answer)).org
  return { id, label: company_name ?? id } satisfies Account
})

const verify = Effect.fn("Zoho.verify")(function* (connection: ZohoConnection) {
  const { host } = new URL(connection.credentials.apiDomain)
  // With the scopes of the modules alone the token works, and does not tell whose it is.
  const account = yield* userOf(connection).pipe(
    Effect.catchReason("ProviderError", "Forbidden", () => orgOf(connection)),
    Effect.catchReason("ProviderError", "Forbidden", () =>
      Effect.succeed<Account>({ id: host, label: `Zoho CRM (${host})` })
    )
  )
  // Users answer to any token; only contacts prove the scope that a sync needs. No contacts yet: 204.
  const contacts = HttpClientRequest.get(resource(connection, "/Contacts"), {
    urlParams: { fields: "id", per_page: 1 }
  })
  yield* send(connection, contacts, "ZohoCRM.modules.contacts.ALL")
  return account
})

const definition: ProviderDefinition<typeof credentials.Type, typeof settings.Type> = {
  id: "ZOHO",
  name: "Zoho CRM",
  category: "crm",
  description: "Keeps the contacts of a Zoho CRM account in step with yours.",
  documentation: "https://www.zoho.com/crm/developer/docs/api/v8/",
  logo: { monogram: "ZC", color: "#e42527" },
  contract: 1,
  hosts: { api: apiDomains, accounts },
  credentials,
  oauth,
  settings,
  limits,
  verify,
  contacts: {
    batchSize: 100,
    mapping: {
      firstName: "First_Name",
      lastName: "Last_Name",
      email: "Email",
      phone: "Phone",
      company: "Account_Name",
      jobTitle: "Title"
    },
    describeFields,
    upsert,
    remove
  }
}

export const ZohoPlugin = plugin(definition)
