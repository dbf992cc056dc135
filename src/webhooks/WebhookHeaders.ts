/** The owner's own headers of a webhook: sealed as a whole, shown by name. */
import { Effect, Redacted, Schema } from "effect"
import { masked } from "../domain/Masked.ts"
import { type Sealed, Vault } from "../vault/Vault.ts"
import { webhookSecret } from "./Recipients.ts"

type Headers = Readonly<Record<string, string>>
type Owner = Parameters<typeof webhookSecret>[0]

export const makeWebhookHeaders = Effect.gen(function* () {
  const vault = yield* Vault
  return {
    /** Null when there are none. */
    seal: (webhook: Owner, headers: Headers): Effect.Effect<Sealed | null> =>
      Object.keys(headers).length === 0
        ? Effect.succeed(null)
        : vault.seal(Redacted.make(JSON.stringify(headers)), webhookSecret(webhook, "headers")),

    /** The names, each with a mask for its value. None when the seal is broken, which the sender tells the owner. */
    mask: (webhook: Owner, sealed: Sealed | null): Effect.Effect<Headers> =>
      sealed === null
        ? Effect.succeed({})
        : vault.open(sealed, webhookSecret(webhook, "headers")).pipe(
            Effect.flatMap((opened) => Effect.orDie(decode(Redacted.value(opened)))),
            Effect.map((headers) =>
              Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, masked(value)]))
            ),
            Effect.catchTag("SealBroken", (broken) =>
              Effect.as(Effect.logError("The headers of a webhook can't be opened", broken), {})
            )
          )
  }
})

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))
