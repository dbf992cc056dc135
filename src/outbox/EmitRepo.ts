/** Writes single events into the outbox, as the API does. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asUser } from "../database/AsUser.ts"
import type { EventId, UserId } from "../domain/Ids.ts"

/** A row of the outbox. `payload` is JSON, as it is to reach the webhooks. */
export interface OutboxRow {
  readonly userId: UserId
  readonly eventType: string
  readonly payload: string
  readonly idempotencyKey: string | null
  readonly traceparent: string | null
}

export class EmitRepo extends Context.Service<
  EmitRepo,
  {
    /** What fan-out would say against a row (null: nothing), and the JSON Schema of its type, if there is one. */
    judge(
      row: OutboxRow
    ): Effect.Effect<
      { readonly fault: string | null; readonly schema: Readonly<Record<string, unknown>> | null },
      SqlError
    >
    insert(row: OutboxRow): Effect.Effect<EventId, SqlError>
  }
>()("nexus/outbox/EmitRepo") {
  static readonly layer = Layer.effect(
    EmitRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      return EmitRepo.of({
        judge: Effect.fnUntraced(function* ({ userId, eventType, payload, idempotencyKey }: OutboxRow) {
          const rows = yield* sql<{ fault: string | null; schema: Readonly<Record<string, unknown>> | null }>`
            SELECT nexus.outbox_fault(asked.user_id, asked.event_type, kind, false, asked.payload, asked.key) AS fault, schema
            FROM (
              SELECT ${userId}::text AS user_id, ${eventType}::text AS event_type, ${payload}::text::json AS payload,
                ${idempotencyKey}::text AS key
            ) AS asked
            LEFT JOIN nexus.event_type ON name = asked.event_type`
          return yield* Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)
        }),
        insert: Effect.fnUntraced(function* ({ userId, eventType, payload, idempotencyKey, traceparent }: OutboxRow) {
          const rows = yield* asUser(
            userId,
            sql<{ readonly id: EventId }>`
              INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key, traceparent)
              VALUES (${userId}, ${eventType}, ${payload}::text::json, ${idempotencyKey}, ${traceparent})
              RETURNING id`
          ).pipe(Effect.provideService(SqlClient, sql))
          return yield* Effect.fromNullishOr(rows[0]?.id).pipe(Effect.orDie)
        })
      })
    })
  )
}
