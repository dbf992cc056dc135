/** The daily partitions of events, history and attempts, and what else grows old. */
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Config, Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"

/** For how many days events, history and attempts are kept. */
export const retention = Config.schema(
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3650 })),
  "NEXUS_RETENTION"
).pipe(Config.withDefault(30))

/** Rows in one statement that deletes, at most. */
const batchSize = 10_000

/** How long a statement waits for a lock on a table that everyone uses: who waits makes all others wait behind. */
const lockTimeout = "2s"

/** A partition that is past its time, and how far it is detached. */
interface Aged {
  readonly parent: string
  readonly name: string
  readonly state: "attached" | "pending" | "detached"
}

export class PartitionsRepo extends Context.Service<
  PartitionsRepo,
  {
    /** For how many days events, history and attempts are kept. */
    readonly days: number
    /**
     * Adds the partitions that are missing, from the day of the oldest row of the outbox (as far as it is kept) to a
     * week ahead; returns how many there were.
     */
    readonly add: Effect.Effect<number, SqlError>
    /**
     * Drops the partitions whose every row is too old and returns their names. None while another process does it. A
     * partition that can't be locked fails it; the next run goes on from there.
     */
    readonly drop: Effect.Effect<ReadonlyArray<string>, SqlError>
    /**
     * Deletes a batch of what has served its time: idempotency keys after a day, records of dispatchers and replays after
     * 30 days, hourly counts after 90, the audit log after 400. Returns how many rows.
     */
    readonly prune: Effect.Effect<number, SqlError>
  }
>()("nexus/database/PartitionsRepo") {
  /** `NEXUS_RETENTION` is the number of days, 30 by default. */
  static readonly layer = Layer.effect(
    PartitionsRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const days = yield* retention

      const add = sql<{ readonly added: number }>`
        SELECT nexus.add_partitions(greatest(
          now() - ${days} * interval '1 day',
          least(now() - interval '1 day', (SELECT nexus.uuid7_time(id) FROM nexus.outbox ORDER BY id LIMIT 1))
        ))::int AS added`.pipe(Effect.map((rows) => rows[0]?.added ?? 0))

      // A connection of its own, for the lock and the time limit that hold for a session: neither outlives it.
      const drop = Effect.gen(function* () {
        const session = yield* PgConnection.make(sql.config)
        const { rows: mine } = yield* session.query("SELECT 1 WHERE pg_try_advisory_lock(hashtext('nexus partitions'))")
        if (mine.length === 0) return []
        yield* session.query(`SET lock_timeout = '${lockTimeout}'`)
        const aged = yield* sql<Aged>`
          SELECT parent, child.relname AS name, CASE
            WHEN inherited.inhrelid IS NULL THEN 'detached' WHEN inherited.inhdetachpending THEN 'pending' ELSE 'attached' END AS state
          FROM pg_class AS child
          JOIN unnest(ARRAY['event', 'delivery_history', 'attempt']) AS parent ON child.relname ~ ('^' || parent || '_[0-9]{8}$')
          LEFT JOIN pg_inherits AS inherited ON inherited.inhrelid = child.oid
          WHERE child.relnamespace = 'nexus'::regnamespace AND child.relkind = 'r'
            AND right(child.relname, 8) < to_char(now() AT TIME ZONE 'UTC' - ${days} * interval '1 day', 'YYYYMMDD')
          ORDER BY name`
        yield* Effect.forEach(aged, (each) => dropOne(session, each), { discard: true })
        return aged.map(({ name }) => name)
      }).pipe(Effect.scoped)

      const prune = sql<{ readonly pruned: number }>`
        WITH event_key AS (
          DELETE FROM nexus.event_key WHERE (user_id, key) IN (
            SELECT user_id, key FROM nexus.event_key WHERE created_at < now() - interval '24 hours'
            ORDER BY created_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED) RETURNING 1
        ), idempotency_key AS (
          DELETE FROM nexus.idempotency_key WHERE (user_id, key) IN (
            SELECT user_id, key FROM nexus.idempotency_key WHERE created_at < now() - interval '24 hours'
            ORDER BY created_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED) RETURNING 1
        ), dispatcher AS (
          DELETE FROM nexus.dispatcher WHERE id IN (
            SELECT id FROM nexus.dispatcher WHERE ended_at < now() - interval '30 days'
            LIMIT ${batchSize} FOR UPDATE SKIP LOCKED) RETURNING 1
        ), replay AS (
          DELETE FROM nexus.replay WHERE id IN (
            SELECT id FROM nexus.replay WHERE finished_at < now() - interval '30 days'
            LIMIT ${batchSize} FOR UPDATE SKIP LOCKED) RETURNING 1
        ), webhook_stat AS (
          DELETE FROM nexus.webhook_stat WHERE (webhook_id, hour) IN (
            SELECT webhook_id, hour FROM nexus.webhook_stat WHERE hour < now() - interval '90 days'
            LIMIT ${batchSize} FOR UPDATE SKIP LOCKED) RETURNING 1
        ), audit_log AS (
          DELETE FROM nexus.audit_log WHERE id IN (
            SELECT id FROM nexus.audit_log WHERE id < nexus.uuid7_floor(now() - interval '400 days')
            ORDER BY id LIMIT ${batchSize} FOR UPDATE SKIP LOCKED) RETURNING 1
        )
        SELECT (SELECT count(*) FROM event_key)::int + (SELECT count(*) FROM idempotency_key)::int
          + (SELECT count(*) FROM dispatcher)::int + (SELECT count(*) FROM replay)::int
          + (SELECT count(*) FROM webhook_stat)::int + (SELECT count(*) FROM audit_log)::int AS pruned`.pipe(
        Effect.map((rows) => rows[0]?.pruned ?? 0)
      )

      return PartitionsRepo.of({ days, add, drop, prune })
    })
  )
}

// Detached first, because dropping a part of a table locks the whole of it. Each statement is a transaction of its own,
// which CONCURRENTLY demands; one that was interrupted half way is finished the next time.
const dropOne = Effect.fnUntraced(function* (session: PgConnection.PgConnection, { parent, name, state }: Aged) {
  const detach = `ALTER TABLE nexus.${parent} DETACH PARTITION nexus.${name}`
  if (state !== "detached") yield* session.query(`${detach} ${state === "pending" ? "FINALIZE" : "CONCURRENTLY"}`)
  yield* session.query(`DROP TABLE nexus.${name}`)
})
