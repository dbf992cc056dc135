/** Deliveries that people ask for: one more attempt of one, or a test. Runs inside of a transaction of the user. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { DeliveryId, EventId, UserId, WebhookId } from "../domain/Ids.ts"

export class RetryRepo extends Context.Service<
  RetryRepo,
  {
    /**
     * Has an open delivery attempted at once, in the place of its pending attempt. One that is under way gets another
     * attempt after this one, should it fail. False when the webhook has no such open delivery.
     */
    hasten(webhookId: WebhookId, deliveryId: string): Effect.Effect<boolean, SqlError>
    /**
     * Begins a new round of one attempt of a finished delivery. `expired` when its event is no longer kept, `unknown`
     * when the webhook has no such delivery.
     */
    reopen(webhookId: WebhookId, deliveryId: string): Effect.Effect<"reopened" | "expired" | "unknown", SqlError>
    /** Makes an event of a type's example, for one webhook alone. Undefined when there is no such type. */
    test(
      userId: UserId,
      webhookId: WebhookId,
      eventType: string
    ): Effect.Effect<{ readonly eventId: EventId; readonly deliveryId: DeliveryId } | undefined, SqlError>
  }
>()("nexus/webhooks/RetryRepo") {
  static readonly layer = Layer.effect(
    RetryRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      return RetryRepo.of({
        hasten: Effect.fnUntraced(function* (webhookId: WebhookId, deliveryId: string) {
          const rows = yield* sql`
            UPDATE nexus.delivery SET is_manual = true,
              next_attempt_at = CASE WHEN claimed_by IS NULL THEN now() ELSE next_attempt_at END,
              max_attempts = CASE WHEN claimed_by IS NULL OR is_manual THEN max_attempts ELSE max_attempts + 1 END
            WHERE id = ${deliveryId}::uuid AND webhook_id = ${webhookId}::uuid
            RETURNING id`
          return rows.length > 0
        }),

        reopen: Effect.fnUntraced(function* (webhookId: WebhookId, deliveryId: string) {
          const rows = yield* sql<{ readonly isKept: boolean }>`
            WITH latest AS (
              SELECT * FROM nexus.delivery_history
              WHERE webhook_id = ${webhookId}::uuid AND delivery_id = ${deliveryId}::uuid
              ORDER BY id DESC LIMIT 1
            ), kept AS (
              SELECT latest.*, EXISTS (SELECT FROM nexus.event WHERE event.id = latest.event_id) AS is_kept FROM latest
            ), made AS (
              INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, attempt_count, attempts_before,
                max_attempts, is_manual, next_attempt_at, created_at)
              SELECT delivery_id, event_id, webhook_id, user_id, event_type, attempt_count, attempt_count, 1, true,
                now(), created_at
              FROM kept WHERE is_kept
              ON CONFLICT (id) DO NOTHING
            )
            SELECT is_kept FROM kept`
          const [latest] = rows
          if (latest === undefined) return "unknown"
          return latest.isKept ? "reopened" : "expired"
        }),

        test: Effect.fnUntraced(function* (userId: UserId, webhookId: WebhookId, eventType: string) {
          const rows = yield* sql<{ readonly eventId: EventId; readonly deliveryId: DeliveryId }>`
            WITH event AS (
              INSERT INTO nexus.event (id, user_id, type, body, webhook_id, created_at)
              SELECT nexus.uuid7(), ${userId}, name, nexus.event_body(name, now(), coalesce(example, '{}')),
                ${webhookId}::uuid, now()
              FROM nexus.event_type WHERE name = ${eventType}
              RETURNING *
            )
            INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, max_attempts, is_manual,
              next_attempt_at, created_at)
            SELECT nexus.delivery_id(id, webhook_id), id, webhook_id, user_id, type, 1, true, now(), now() FROM event
            RETURNING event_id, id AS delivery_id`
          return rows[0]
        })
      })
    })
  )
}
