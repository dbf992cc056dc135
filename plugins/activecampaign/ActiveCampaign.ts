/** The plugin for ActiveCampaign. How contacts are brought, and what is not verified: README.md. */
import { Effect, Schema } from "effect"
import { plugin, readJson } from "nexus-integrations/plugin"
import { type ActiveCampaignConnection, credentials, hostOf, hosts, request, send, settings } from "./Client.ts"
import { describeFields, mapping } from "./Fields.ts"
import { batchSize, upsert } from "./Import.ts"
import { poll } from "./Job.ts"
import { limits } from "./Limits.ts"
import { remove } from "./Remove.ts"

const Me = Schema.Struct({ user: Schema.Struct({ username: Schema.String }) })

export const ActiveCampaignPlugin = plugin({
  id: "ACTIVECAMPAIGN",
  name: "ActiveCampaign",
  category: "email",
  description: "Keeps the contacts of an ActiveCampaign account in step with yours.",
  documentation: "https://developers.activecampaign.com/reference/overview",
  logo: { monogram: "AC", color: "#004cff" },
  contract: 1,
  hosts,
  credentials,
  settings,
  limits,
  // The key is a user's, the contacts are the account's: another user's key of the same account changes nothing.
  verify: Effect.fn("ActiveCampaign.verify")(function* (connection: ActiveCampaignConnection) {
    const { user } = yield* readJson(Me)(yield* send(connection, request(connection, "GET", "/users/me")))
    const host = hostOf(connection)
    return { id: host, label: `${host} (${user.username})` }
  }),
  contacts: { batchSize, mapping, describeFields, upsert, poll, remove }
})
