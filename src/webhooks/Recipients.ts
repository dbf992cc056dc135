import { Cause, Context, Effect, Layer, Redacted, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { WebhookId } from "../domain/Ids.ts"
import { makeScrub } from "../domain/Scrub.ts"
import { type Sealed, Vault } from "../vault/Vault.ts"
import type { Claim } from "./Claim.ts"
import type { Recipient } from "./Recipient.ts"
import { RecipientRepo, type RecipientRow } from "./RecipientRepo.ts"
import { signingKey } from "./Signature.ts"

/** What of a webhook is sealed; `url` where an integration manages it and its URL is a credential. */
export type SealedField = "secret" | "previous_secret" | "headers" | "url"

/** The place of a webhook's secrets in the vault: what they are sealed with, and open with. */
export const webhookSecret = (webhook: { readonly id: string; readonly userId: string }, field: SealedField) => ({
  table: "webhook_subscription",
  row: webhook.id,
  user: webhook.userId,
  provider: "",
  field
})

/** Why a recipient could not be made ready. Its deliveries fail with this sentence. */
export interface Unusable {
  readonly webhookId: WebhookId
  readonly version: number
  readonly error: string
}

/**
 * The webhooks that claims go to, made ready once and kept: opening sealed secrets for every delivery would cost more
 * than sending it. A change of the webhook raises its version, which the claims carry.
 */
export class Recipients extends Context.Service<
  Recipients,
  {
    /** The recipient of each claim, by webhook; a webhook that was deleted meanwhile is missing. */
    of(claims: ReadonlyArray<Claim>): Effect.Effect<ReadonlyMap<WebhookId, Recipient | Unusable>, SqlError>
  }
>()("nexus/webhooks/Recipients") {
  static readonly layer = Layer.effect(
    Recipients,
    Effect.gen(function* () {
      const repo = yield* RecipientRepo
      const vault = yield* Vault
      const known = new Map<WebhookId, Recipient | Unusable>()

      const open = (row: RecipientRow, sealed: Sealed, field: SealedField) =>
        vault.open(sealed, webhookSecret(row, field))

      const prepare = Effect.fnUntraced(function* (row: RecipientRow) {
        const current = signingKey(yield* open(row, row.secret, "secret"))
        const previous = row.previousSecret && signingKey(yield* open(row, row.previousSecret, "previous_secret"))
        const headers = row.headers
          ? yield* decodeHeaders(Redacted.value(yield* open(row, row.headers, "headers"))).pipe(Effect.orDie)
          : {}
        const url = row.sealedUrl === null ? row.url : Redacted.value(yield* open(row, row.sealedUrl, "url"))
        return {
          webhookId: row.id,
          userId: row.userId,
          version: row.version,
          url,
          origin: new URL(url).origin,
          keys: previous ? { current, previous } : { current },
          previousKeyEndsAt: row.previousSecretExpiresAt?.getTime() ?? null,
          headers,
          maxInFlight: row.maxInFlight,
          scrub: row.sealedUrl === null ? null : makeScrub([url, new URL(url).pathname.slice(1)])
        } satisfies Recipient
      })

      const ready = (row: RecipientRow): Effect.Effect<Recipient | Unusable> =>
        prepare(row).pipe(
          Effect.catchTag("SealBroken", (broken) =>
            Effect.logError("A webhook's secret can't be opened", broken).pipe(
              Effect.as({
                webhookId: row.id,
                version: row.version,
                error:
                  "The webhook's secret or headers can't be used any more. Give it a new secret and set its headers again"
              })
            )
          ),
          // A row that the API would not have written must not stop the deliveries of all others.
          Effect.catchDefect((defect) =>
            Effect.logError(`The webhook ${row.id} can't be used`, Cause.die(defect)).pipe(
              Effect.as({
                webhookId: row.id,
                version: row.version,
                error: "The webhook can't be used: its URL or its headers are broken. Set them again"
              })
            )
          )
        )

      return Recipients.of({
        of: Effect.fnUntraced(function* (claims: ReadonlyArray<Claim>) {
          const wanted = new Set<WebhookId>()
          for (const claim of claims) {
            if (known.get(claim.webhookId)?.version !== claim.webhookVersion) wanted.add(claim.webhookId)
          }
          if (wanted.size === 0) return known
          if (known.size > mostKept) known.clear()
          for (const row of yield* repo.load(Array.from(wanted))) {
            known.set(row.id, yield* ready(row))
          }
          return known
        })
      })
    })
  )
}

/** Recipients kept at once: some 2 KB each. */
const mostKept = 20_000

const decodeHeaders = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))
