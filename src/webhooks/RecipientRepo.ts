/** Loads the webhooks that deliveries go to, secrets still sealed. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { UserId, WebhookId } from "../domain/Ids.ts"
import type { Sealed } from "../vault/Vault.ts"

export interface RecipientRow {
  readonly id: WebhookId
  readonly userId: UserId
  readonly version: number
  readonly url: string
  /** The true URL, where `url` is only what may be shown of it. */
  readonly sealedUrl: Sealed | null
  readonly secret: Sealed
  readonly previousSecret: Sealed | null
  readonly previousSecretExpiresAt: Date | null
  readonly headers: Sealed | null
  readonly maxInFlight: number
}

export class RecipientRepo extends Context.Service<
  RecipientRepo,
  {
    /** The rows of those webhooks that still exist. */
    load(webhooks: ReadonlyArray<WebhookId>): Effect.Effect<ReadonlyArray<RecipientRow>, SqlError>
  }
>()("nexus/webhooks/RecipientRepo") {
  static readonly layer = Layer.effect(
    RecipientRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        "id, user_id, version, url, sealed_url, secret, previous_secret, previous_secret_expires_at, headers, max_in_flight"
      )
      return RecipientRepo.of({
        load: (webhooks) => sql<RecipientRow>`
          SELECT ${columns} FROM nexus.webhook_subscription WHERE id = ANY (${webhooks}::text[]::uuid[])`
      })
    })
  )
}
