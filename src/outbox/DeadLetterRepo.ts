/** The dead letters of all users. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Actor } from "../domain/Actor.ts"

/** A dead letter as the database has it. */
export interface DeadLetterRow {
  readonly id: string
  readonly userId: string
  readonly eventType: string
  readonly payload: unknown
  readonly reason: string
  readonly createdAt: Date
  readonly diedAt: Date
}

export class DeadLetterRepo extends Context.Service<
  DeadLetterRepo,
  {
    /** The newest first, from below an id on. */
    list(limit: number, below: string | null): Effect.Effect<ReadonlyArray<DeadLetterRow>, SqlError>
    get(id: string): Effect.Effect<DeadLetterRow | undefined, SqlError>
    /** Puts it back into the outbox under a new id; false when there is none. */
    retry(actor: Actor, id: string): Effect.Effect<boolean, SqlError>
    /** Puts up to `limit` back, the oldest first, up to an id; returns the ids of those it took. */
    retryMany(limit: number, upTo: string, reason: string | null): Effect.Effect<ReadonlyArray<string>, SqlError>
  }
>()("nexus/outbox/DeadLetterRepo") {
  static readonly layer = Layer.effect(
    DeadLetterRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal("id, user_id, event_type, payload, reason, created_at, died_at")

      return DeadLetterRepo.of({
        list: Effect.fnUntraced(function* (limit: number, below: string | null) {
          return yield* sql<DeadLetterRow>`
            SELECT ${columns} FROM nexus.dead_letter
            WHERE id < coalesce(${below}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            ORDER BY id DESC LIMIT ${limit}`
        }),
        get: Effect.fnUntraced(function* (id: string) {
          const rows = yield* sql<DeadLetterRow>`SELECT ${columns} FROM nexus.dead_letter WHERE id = ${id}::uuid`
          return rows[0]
        }),
        retry: Effect.fn("DeadLetterRepo.retry")(function* (actor: Actor, id: string) {
          const rows = yield* sql`
            WITH letter AS (
              DELETE FROM nexus.dead_letter WHERE id = ${id}::uuid
              RETURNING id, user_id, event_type, payload, idempotency_key, traceparent
            ), back AS (
              INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key, traceparent)
              SELECT user_id, event_type, coalesce(payload, 'null'), idempotency_key, traceparent FROM letter
              RETURNING id
            ), audited AS (
              INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
              SELECT ${actor.userId}, ${actor.actor}, 'dead_letter.retried', letter.id,
                json_build_object('eventId', back.id, 'userId', user_id, 'eventType', event_type), ${actor.address}
              FROM letter, back
            )
            SELECT id FROM back`
          return rows.length === 1
        }),
        retryMany: Effect.fn("DeadLetterRepo.retryMany")(function* (
          limit: number,
          upTo: string,
          reason: string | null
        ) {
          const rows = yield* sql<{ readonly id: string }>`
            WITH chosen AS (
              SELECT id FROM nexus.dead_letter
              WHERE id <= ${upTo}::uuid AND (${reason}::text IS NULL OR reason = ${reason})
              ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
            ), letter AS (
              DELETE FROM nexus.dead_letter AS letter USING chosen WHERE letter.id = chosen.id
              RETURNING letter.id, user_id, event_type, payload, idempotency_key, traceparent
            ), back AS (
              INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key, traceparent)
              SELECT user_id, event_type, coalesce(payload, 'null'), idempotency_key, traceparent FROM letter ORDER BY id
            )
            SELECT id FROM letter`
          return rows.map(({ id }) => id)
        })
      })
    })
  )
}
