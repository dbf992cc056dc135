/** Zapier's Catch Hooks: every event of the user starts a Zap. `README.md` in this folder has limits and quirks. */
import { Effect, Schema } from "effect"
import { type Account, type Connection, type ProviderDefinition, plugin } from "nexus-integrations/plugin"
import { limits } from "./Limits.ts"
import { credentials, userOf } from "./WebhookUrl.ts"

/**
 * Tells whose hook it is, from its URL alone. Zapier can't be asked: any request to a hook, a GET too, starts the Zap,
 * and the answer is a success even when no Zap listens (help.zapier.com, "Trigger Zaps from webhooks").
 */
const verify = ({ credentials: given }: Connection<typeof credentials.Type, object>) =>
  Effect.sync((): Account => {
    const user = userOf(given)
    return user === undefined ? { id: "legacy", label: "Zapier" } : { id: user, label: `Zapier (user ${user})` }
  })

const definition: ProviderDefinition<typeof credentials.Type, object> = {
  id: "ZAPIER",
  name: "Zapier",
  category: "automation",
  description: "Starts a Zap with each of your events.",
  documentation: "https://help.zapier.com/hc/en-us/articles/8496288690317",
  logo: { monogram: "Z", color: "#ff4f00" },
  contract: 1,
  hosts: { hooks: "https://hooks.zapier.com" },
  credentials,
  settings: Schema.Struct({}),
  limits,
  verify,
  webhook: ({ webhookUrl }) => webhookUrl
}

export const ZapierPlugin = plugin(definition)
