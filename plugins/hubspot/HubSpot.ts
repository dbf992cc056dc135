/** HubSpot's contacts, over CRM v3. `README.md` in this folder has the scopes, limits and quirks, with their sources. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Account, type ProviderDefinition, plugin, readJson } from "nexus-integrations/plugin"
import { api, credentials, type HubSpotConnection, send } from "./Client.ts"
import { describeFields } from "./Fields.ts"
import { limits } from "./Limits.ts"
import { accounts, oauth } from "./OAuth.ts"
import { remove } from "./Remove.ts"
import { upsert } from "./Upsert.ts"

const AccountInfo = Schema.Struct({ portalId: Schema.Finite, uiDomain: Schema.optionalKey(Schema.String) })

const verify = Effect.fn("HubSpot.verify")(function* (connection: HubSpotConnection) {
  const info = yield* send(connection, HttpClientRequest.get(`${api}/account-info/v3/details`))
  const { portalId, uiDomain } = yield* readJson(AccountInfo)(info)
  // The account answers to any token; only contacts prove the scope that a sync needs.
  yield* send(connection, HttpClientRequest.get(`${api}/crm/v3/objects/contacts`, { urlParams: { limit: 1 } }))
  return {
    id: String(portalId),
    label: `HubSpot ${portalId}${uiDomain === undefined ? "" : ` (${uiDomain})`}`
  } satisfies Account
})

const definition: ProviderDefinition<typeof credentials.Type, object> = {
  id: "HUBSPOT",
  name: "HubSpot",
  category: "crm",
  description: "Keeps the contacts of a HubSpot account in step with yours.",
  documentation: "https://developers.hubspot.com/docs/api/crm/contacts",
  logo: { monogram: "HS", color: "#ff7a59" },
  contract: 1,
  hosts: { api, accounts },
  credentials,
  oauth,
  settings: Schema.Struct({}),
  limits,
  verify,
  contacts: {
    batchSize: 100,
    mapping: {
      firstName: "firstname",
      lastName: "lastname",
      email: "email",
      phone: "phone",
      company: "company",
      jobTitle: "jobtitle"
    },
    describeFields,
    upsert,
    remove
  }
}

export const HubSpotPlugin = plugin(definition)
