/** Replays: what people ask for, and the batches in which it is done. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Actor } from "../domain/Actor.ts"
import type { UserId, WebhookId } from "../domain/Ids.ts"
import type { ReplayId, ReplayKind } from "../domain/Replay.ts"

export interface ReplayRow {
  readonly id: ReplayId
  readonly webhookId: WebhookId
  readonly userId: UserId
  readonly kind: ReplayKind
  readonly since: Date
  readonly until: Date
  readonly state: "RUNNING" | "COMPLETED" | "CANCELLED"
  readonly total: number
  readonly done: number
}

/** What is to be made anew: deliveries of a webhook, by the times of their events. */
export type ReplayRange = Pick<ReplayRow, "webhookId" | "userId" | "kind" | "since" | "until">

/** Deliveries of a failed batch, or events of a missed one, that are looked at in one transaction. */
const batchSize = 500

export class ReplayRepo extends Context.Service<
  ReplayRepo,
  {
    /** How many deliveries a replay would make now. */
    count(range: ReplayRange): Effect.Effect<number, SqlError>
    insert(actor: Actor, range: ReplayRange, total: number): Effect.Effect<ReplayRow, SqlError>
    /** The newest first. */
    list(webhookId: WebhookId, limit: number): Effect.Effect<ReadonlyArray<ReplayRow>, SqlError>
    get(webhookId: WebhookId, id: string): Effect.Effect<ReplayRow | undefined, SqlError>
    /** Undefined when the replay does not run, or no longer. */
    cancel(actor: Actor, webhookId: WebhookId, id: string): Effect.Effect<ReplayRow | undefined, SqlError>
    /**
     * Does one batch of a running replay that no other process is at, in one transaction with the progress it notes;
     * the replays take turns, beginning after the one given. Undefined when there is none.
     */
    step(after: ReplayId | null): Effect.Effect<ReplayId | undefined, SqlError>
  }
>()("nexus/webhooks/ReplayRepo") {
  static readonly layer = Layer.effect(
    ReplayRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        "id, webhook_id, user_id, kind, since, until, state, total::float8 AS total, done::float8 AS done"
      )

      /** Deliveries out of `ids` (a query of delivery ids) whose last end was no success, and that can begin anew. */
      const failed = (webhookId: WebhookId, ids: Fragment) => sql`
        SELECT latest.*
        FROM (${ids}) AS candidate
        CROSS JOIN LATERAL (
          SELECT * FROM nexus.delivery_history AS history
          WHERE history.webhook_id = ${webhookId}::uuid AND history.delivery_id = candidate.delivery_id
          ORDER BY history.id DESC LIMIT 1
        ) AS latest
        WHERE latest.state <> 'DELIVERED' AND EXISTS (SELECT FROM nexus.event WHERE event.id = latest.event_id)
          AND NOT EXISTS (SELECT FROM nexus.delivery WHERE delivery.id = latest.delivery_id)`

      /**
       * Events out of `events` (a query of id, type and webhook_id) that the webhook wants and has no delivery of. The ids
       * of their deliveries lie between `low` and `high`: with that, a batch reads its own part of the history only.
       */
      const missed = (webhookId: WebhookId, events: Fragment, low: Fragment, high: Fragment) => sql`
        SELECT wanted.*
        FROM (
          SELECT nexus.delivery_id(candidate.id, webhook.id) AS id, candidate.id AS event_id, candidate.type AS event_type,
            webhook.id AS webhook_id, webhook.user_id, webhook.max_attempts
          FROM (${events}) AS candidate
          JOIN nexus.webhook_subscription AS webhook ON webhook.id = ${webhookId}::uuid
          JOIN nexus.event_type ON event_type.name = candidate.type
          WHERE candidate.webhook_id IS NULL AND (
            candidate.type = ANY (webhook.events) OR ('*' = ANY (webhook.events) AND event_type.kind <> 'system')
          )
          OFFSET 0 -- or each id would be computed again for every comparison
        ) AS wanted
        WHERE NOT EXISTS (
            SELECT FROM nexus.delivery
            WHERE delivery.webhook_id = ${webhookId}::uuid AND delivery.id = wanted.id
              AND delivery.id >= ${low} AND delivery.id < ${high}
          )
          AND NOT EXISTS (
            SELECT FROM nexus.delivery_history AS history
            WHERE history.webhook_id = ${webhookId}::uuid AND history.delivery_id = wanted.id
              AND history.delivery_id >= ${low} AND history.delivery_id < ${high} AND history.id >= ${low}
          )`

      const count = Effect.fnUntraced(function* ({ webhookId, userId, kind, since, until }: ReplayRange) {
        const candidates =
          kind === "failed"
            ? failed(
                webhookId,
                sql`SELECT DISTINCT delivery_id FROM nexus.delivery_history
                    WHERE webhook_id = ${webhookId}::uuid AND state <> 'DELIVERED'
                      AND delivery_id >= nexus.uuid7_floor(${since}) AND delivery_id < nexus.uuid7_floor(${until})`
              )
            : missed(
                webhookId,
                sql`SELECT id, type, webhook_id FROM nexus.event WHERE user_id = ${userId}
                      AND id >= nexus.uuid7_floor(${since}) AND id < nexus.uuid7_floor(${until})`,
                sql`nexus.uuid7_floor(${since})`,
                sql`nexus.uuid7_floor(${until})`
              )
        const rows = yield* sql<{ readonly count: number }>`SELECT count(*)::float8 AS count FROM (${candidates}) AS _`
        return rows[0]?.count ?? 0
      })

      const insert = Effect.fnUntraced(function* (actor: Actor, range: ReplayRange, total: number) {
        const rows = yield* sql<ReplayRow>`
          WITH made AS (
            INSERT INTO nexus.replay (webhook_id, user_id, kind, since, until, cursor, total)
            VALUES (${range.webhookId}::uuid, ${range.userId}, ${range.kind}, ${range.since}, ${range.until},
              nexus.uuid7_floor(${range.since}), ${total})
            RETURNING *
          ), audited AS (
            INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
            SELECT user_id, ${actor.actor}, 'webhook.replay_started', webhook_id::text,
              json_build_object('replay', id, 'kind', kind, 'total', total), ${actor.address} FROM made
          )
          SELECT ${columns} FROM made`
        return yield* Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)
      })

      const cancel = Effect.fnUntraced(function* (actor: Actor, webhookId: WebhookId, id: string) {
        const rows = yield* sql<ReplayRow>`
          WITH cancelled AS (
            UPDATE nexus.replay SET state = 'CANCELLED', finished_at = now()
            WHERE id = ${id}::uuid AND webhook_id = ${webhookId}::uuid AND state = 'RUNNING'
            RETURNING *
          ), audited AS (
            INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
            SELECT user_id, ${actor.actor}, 'webhook.replay_cancelled', webhook_id::text,
              json_build_object('replay', id, 'done', done), ${actor.address} FROM cancelled
          )
          SELECT ${columns} FROM cancelled`
        return rows[0]
      })

      // Only what had failed when it was asked for: what fails again is for the next replay.
      const makeFailed = (job: ReplayRow) => sql`
        WITH batch AS MATERIALIZED (
          SELECT DISTINCT delivery_id FROM nexus.delivery_history
          WHERE webhook_id = ${job.webhookId}::uuid AND state <> 'DELIVERED'
            AND delivery_id > (SELECT cursor FROM nexus.replay WHERE id = ${job.id}::uuid)
            AND delivery_id < nexus.uuid7_floor(${job.until})
          ORDER BY delivery_id LIMIT ${batchSize}
        ), made AS (
          INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, attempt_count, attempts_before,
            max_attempts, next_attempt_at, created_at)
          SELECT failed.delivery_id, failed.event_id, webhook.id, webhook.user_id, failed.event_type,
            failed.attempt_count, failed.attempt_count, webhook.max_attempts, now(), failed.created_at
          FROM (${failed(job.webhookId, sql`SELECT delivery_id FROM batch`)}) AS failed
          JOIN nexus.webhook_subscription AS webhook ON webhook.id = failed.webhook_id
          WHERE failed.finished_at <= (SELECT created_at FROM nexus.replay WHERE id = ${job.id}::uuid)
          ON CONFLICT (id) DO NOTHING
          RETURNING id
        )
        ${progress(job, sql`SELECT delivery_id AS id FROM batch`)}`

      const makeMissed = (job: ReplayRow) => sql`
        WITH batch AS MATERIALIZED (
          SELECT id, type, webhook_id FROM nexus.event
          WHERE user_id = ${job.userId}
            AND id > (SELECT cursor FROM nexus.replay WHERE id = ${job.id}::uuid) AND id < nexus.uuid7_floor(${job.until})
          ORDER BY id LIMIT ${batchSize}
        ), made AS (
          INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, created_at)
          SELECT id, event_id, webhook_id, user_id, event_type, max_attempts, now(), now()
          FROM (${missed(
            job.webhookId,
            sql`SELECT id, type, webhook_id FROM batch`,
            sql`(SELECT nexus.uuid7_floor(nexus.uuid7_time(id)) FROM batch ORDER BY id LIMIT 1)`,
            sql`(SELECT nexus.uuid7_floor(nexus.uuid7_time(id) + interval '1 millisecond') FROM batch ORDER BY id DESC LIMIT 1)`
          )}) AS missed
          ON CONFLICT (id) DO NOTHING
          RETURNING id
        )
        ${progress(job, sql`SELECT id FROM batch`)}`

      /** The end of both: `made` holds what was made, `ids` what was looked at. */
      const progress = (job: ReplayRow, ids: Fragment) => sql`
        UPDATE nexus.replay SET
          cursor = coalesce((SELECT id FROM (${ids}) AS _ ORDER BY id DESC LIMIT 1), cursor),
          done = done + (SELECT count(*) FROM made),
          state = CASE WHEN looked < ${batchSize} THEN 'COMPLETED' ELSE state END,
          finished_at = CASE WHEN looked < ${batchSize} THEN now() END
        FROM (SELECT count(*) AS looked FROM (${ids}) AS _) AS batch_size
        WHERE replay.id = ${job.id}::uuid`

      const step = Effect.fnUntraced(function* (after: ReplayId | null) {
        const [job] = yield* sql<ReplayRow>`
          SELECT ${columns} FROM nexus.replay WHERE state = 'RUNNING'
          ORDER BY id <= ${after}::uuid NULLS FIRST, id LIMIT 1 FOR UPDATE SKIP LOCKED`
        if (job === undefined) return undefined
        // Two replays of a webhook see what the other made, because the statement after the lock sees what is committed.
        yield* sql`SELECT pg_advisory_xact_lock(hashtext('nexus replay'), hashtext(${job.webhookId}))`
        yield* job.kind === "failed" ? makeFailed(job) : makeMissed(job)
        return job.id
      }, sql.withTransaction)

      return ReplayRepo.of({
        count,
        insert,
        cancel,
        step,
        list: (webhookId, limit) => sql<ReplayRow>`
          SELECT ${columns} FROM nexus.replay WHERE webhook_id = ${webhookId}::uuid ORDER BY id DESC LIMIT ${limit}`,
        get: (webhookId, id) =>
          sql<ReplayRow>`
            SELECT ${columns} FROM nexus.replay WHERE webhook_id = ${webhookId}::uuid AND id = ${id}::uuid`.pipe(
            Effect.map((rows) => rows[0])
          )
      })
    })
  )
}
