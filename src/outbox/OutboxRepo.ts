/** Moves rows of the outbox to events and deliveries. The only module that knows the outbox's columns. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { DispatcherId } from "../domain/Ids.ts"
import type { Claim, Room } from "../webhooks/Claim.ts"

/** What one fan-out did. */
export interface FanOut {
  /** Outbox rows looked at: more than are taken when their payloads are large. */
  readonly seen: number
  /** Outbox rows taken, dead letters and repeated idempotency keys among them. */
  readonly taken: number
  /** Deliveries made but left for later, or for a peer, because there was no room. */
  readonly unclaimed: number
  /** Deliveries made and claimed, in the order of their events. */
  readonly claims: ReadonlyArray<Claim>
}

/** Bytes of payload in one statement, as stored, beside the row that goes beyond them. */
const mostBytes = 4 * 1024 * 1024

export class OutboxRepo extends Context.Service<
  OutboxRepo,
  {
    /**
     * Takes up to `limit` rows and makes them deliveries of every active webhook that wants them, claimed by
     * `dispatcher` as far as `room` allows. One statement, all or nothing; rows that another dispatcher is taking are
     * passed over. A row that can't be an event becomes a dead letter. A dispatcher whose lease has ended takes nothing.
     *
     * @param only the id of a row, to take no other
     */
    fanOut(dispatcher: DispatcherId, limit: number, room: Room, only?: string): Effect.Effect<FanOut, SqlError>
    /** The id of the first row that nobody is taking. */
    readonly first: Effect.Effect<string | undefined, SqlError>
    /** Makes a row a dead letter, whatever is in it, with the reason given. */
    bury(id: string, reason: string): Effect.Effect<void, SqlError>
    /** Asks producers to notify: from now on until the first that does. */
    readonly arm: Effect.Effect<void, SqlError>
  }
>()("nexus/outbox/OutboxRepo") {
  static readonly layer = Layer.effect(
    OutboxRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const fanOut = Effect.fnUntraced(function* (dispatcher: DispatcherId, limit: number, room: Room, only?: string) {
        const rows = yield* sql<Claim & { readonly seen: number; readonly taken: number; readonly unclaimed: number }>`
          WITH lease AS MATERIALIZED (
            -- Its commit need not wait for the disk: after a crash of the server the rows are in the outbox again and
            -- nothing of their deliveries remains. An outcome's commit does wait, and takes this one along.
            SELECT id FROM nexus.dispatcher, set_config('synchronous_commit', 'off', true)
            WHERE id = ${dispatcher}::uuid AND ended_at IS NULL AND EXISTS (SELECT FROM nexus.outbox)
            FOR SHARE OF dispatcher
          ), locked AS MATERIALIZED (
            SELECT id, pg_column_size(payload) AS size FROM nexus.outbox
            WHERE EXISTS (SELECT FROM lease) ${only === undefined ? sql`` : sql`AND id = ${only}::uuid`}
            ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ), batch AS MATERIALIZED (
            SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM locked) AS _
            WHERE before < ${mostBytes}
          ), taken AS MATERIALIZED (
            DELETE FROM nexus.outbox USING batch WHERE outbox.id = batch.id
            RETURNING outbox.id, outbox.user_id, outbox.event_type, outbox.payload, outbox.idempotency_key,
              outbox.traceparent, outbox.is_system, outbox.created_at
          ), judged AS MATERIALIZED (
            SELECT taken.*, kind,
              nexus.outbox_fault(user_id, event_type, kind, is_system, payload, idempotency_key) AS fault
            FROM taken LEFT JOIN nexus.event_type ON event_type.name = taken.event_type
          ), dead AS (
            INSERT INTO nexus.dead_letter (id, user_id, event_type, payload, idempotency_key, traceparent, reason, created_at)
            SELECT id, user_id, event_type, payload, idempotency_key, traceparent, fault, created_at
            FROM judged WHERE fault IS NOT NULL
          ), keyed AS (
            INSERT INTO nexus.event_key (user_id, key, event_id, created_at)
            SELECT DISTINCT ON (user_id, idempotency_key) user_id, idempotency_key, id, now()
            FROM judged WHERE fault IS NULL AND idempotency_key IS NOT NULL
            ORDER BY user_id, idempotency_key, id
            ON CONFLICT (user_id, key) DO UPDATE SET event_id = excluded.event_id, created_at = excluded.created_at
              WHERE event_key.created_at < now() - interval '24 hours'
            RETURNING event_id
          ), fresh AS MATERIALIZED (
            -- One that is malformed is left out, as W3C Trace Context asks: it would go out as a header.
            SELECT id, user_id, event_type, kind, created_at,
              CASE WHEN traceparent ~ '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$' THEN traceparent END AS traceparent,
              nexus.event_body(event_type, created_at, payload) AS body
            FROM judged
            WHERE fault IS NULL AND (idempotency_key IS NULL OR id IN (SELECT event_id FROM keyed))
          ), remembered AS (
            INSERT INTO nexus.event (id, user_id, type, body, traceparent, created_at)
            SELECT id, user_id, event_type, body, traceparent, created_at FROM fresh
          ), wanted AS (
            SELECT fresh.id AS event_id, webhook.id AS webhook_id, webhook.version, webhook.max_attempts,
              fresh.user_id, fresh.event_type, fresh.traceparent, fresh.body,
              row_number() OVER (ORDER BY fresh.id) AS place,
              row_number() OVER (PARTITION BY webhook.id ORDER BY fresh.id) AS place_in_webhook
            FROM fresh JOIN nexus.webhook_subscription AS webhook
              ON webhook.user_id = fresh.user_id AND webhook.is_active
              AND (fresh.event_type = ANY (webhook.events) OR ('*' = ANY (webhook.events) AND fresh.kind <> 'system'))
          ), made AS MATERIALIZED (
            SELECT nexus.delivery_id(event_id, webhook_id) AS id, wanted.*,
              place <= ${room.total} AND place_in_webhook <= coalesce(free, ${room.perWebhook}) AS claimed
            FROM wanted LEFT JOIN unnest(
              ${room.taken.map((_) => _.webhookId)}::text[]::uuid[], ${room.taken.map((_) => _.free)}::int[]
            ) AS room (webhook_id, free) USING (webhook_id)
          ), stored AS (
            INSERT INTO nexus.delivery
              (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, claimed_by, created_at)
            SELECT id, event_id, webhook_id, user_id, event_type, max_attempts, now(),
              CASE WHEN claimed THEN ${dispatcher}::uuid END, now()
            FROM made
          )
          SELECT (SELECT count(*)::int FROM locked) AS seen, (SELECT count(*)::int FROM taken) AS taken,
            (SELECT count(*)::int FROM made WHERE NOT claimed) AS unclaimed,
            made.id AS delivery_id, made.event_id, made.webhook_id, made.version AS webhook_version,
            made.user_id, made.event_type, made.body, 0 AS attempt_count, 0 AS attempts_before,
            made.max_attempts, false AS is_manual, made.traceparent
          FROM (VALUES (true)) AS always LEFT JOIN made ON made.claimed
          ORDER BY made.place`
        const { seen, taken, unclaimed } = rows[0] ?? { seen: 0, taken: 0, unclaimed: 0 }
        return { seen, taken, unclaimed, claims: rows.filter((row) => row.deliveryId !== null) }
      })

      const bury = Effect.fnUntraced(function* (id: string, reason: string) {
        yield* sql`
          WITH taken AS (
            DELETE FROM nexus.outbox WHERE id = ${id}::uuid RETURNING *
          )
          INSERT INTO nexus.dead_letter (id, user_id, event_type, payload, idempotency_key, traceparent, reason, created_at)
          SELECT id, user_id, event_type, payload, idempotency_key, traceparent, ${reason}, created_at FROM taken`
      })

      return OutboxRepo.of({
        fanOut,
        bury,
        first: sql<{
          readonly id: string
        }>`SELECT id FROM nexus.outbox ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`.pipe(
          Effect.map((rows) => rows[0]?.id)
        ),
        arm: sql`SELECT setval('nexus.sleeper', 2) FROM nexus.sleeper WHERE last_value <> 2`.pipe(Effect.asVoid)
      })
    })
  )
}
