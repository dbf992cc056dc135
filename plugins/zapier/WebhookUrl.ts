/** The URL of a Catch Hook: Zapier's only credential, and what tells one user's hooks from another's. */
import { Redacted, Schema } from "effect"
import { secret } from "nexus-integrations/plugin"

/**
 * Exactly this host, without userinfo, port, query or escapes: a pattern on the end of the name would take
 * `evilzapier.com`, and anything else could lead elsewhere.
 */
const form = /^https:\/\/hooks\.zapier\.com\/hooks\/catch\/[A-Za-z0-9_,-]+(?:\/[A-Za-z0-9_,-]+){0,3}\/?$/

export const credentials = Schema.Struct({
  webhookUrl: secret(
    {
      title: "Webhook URL",
      description:
        "Of a Zap that begins with Webhooks by Zapier, Catch Hook. Whoever has this URL can start the Zap: treat it as a password.",
      example: "https://hooks.zapier.com/hooks/catch/123456/abcdef/"
    },
    {
      pattern: form,
      message: "Expected the URL of a Catch Hook, which begins with https://hooks.zapier.com/hooks/catch/"
    }
  )
})

/**
 * The number of the Zapier user in a hook's URL, which is no secret; undefined in a legacy URL, which has none:
 * `/hooks/catch/abc123/` beside `/hooks/catch/123456/abcdef/`.
 */
export const userOf = ({ webhookUrl }: typeof credentials.Type): string | undefined =>
  /\/hooks\/catch\/(\d+)\/[^/]/.exec(Redacted.value(webhookUrl))?.[1]
