/** Sync runs: who works on which, how far they are, and what they ended with. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { isId } from "../domain/Cursor.ts"
import type { IntegrationId, ProviderId, SyncRunId, UserId } from "../domain/Ids.ts"
import type { TroubleKind } from "../domain/Integration.ts"
import type { SyncRun, SyncState } from "../domain/Sync.ts"

/** A run as the database has it. */
export interface SyncRunRow {
  readonly id: SyncRunId
  readonly integrationId: IntegrationId
  readonly userId: UserId
  readonly provider: ProviderId
  readonly trigger: SyncRun["trigger"]
  readonly state: SyncState
  readonly isFull: boolean
  readonly isDryRun: boolean
  /** A transaction id as text; only contacts that changed in it or later are looked at. Null: all. */
  readonly since: string | null
  readonly position: string | null
  readonly total: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly rejected: number
  readonly unconfirmed: number
  readonly removed: number
  readonly pending: number
  readonly error: string | null
  readonly errorKind: TroubleKind | null
  readonly waits: number
  readonly isCancelled: boolean
  readonly startedAt: Date
  readonly finishedAt: Date | null
}

/** Why a run stands still or ended. */
export interface Stop {
  readonly error: string | null
  readonly kind: TroubleKind | null
}

/** Seconds that a run belongs to a process after its last sign of life. */
export const leaseSeconds = 15

export class SyncRunRepo extends Context.Service<
  SyncRunRepo,
  {
    /** Begins a run and counts its contacts; an automatic sync that was due is covered by it. Undefined when the integration has an open run already. */
    begin(
      integration: { readonly id: IntegrationId; readonly userId: UserId; readonly provider: ProviderId },
      run: Pick<SyncRunRow, "trigger" | "isFull" | "isDryRun">,
      owner: string
    ): Effect.Effect<SyncRunRow | undefined, SqlError>
    /** The open run of an integration. */
    open(integrationId: IntegrationId): Effect.Effect<SyncRunRow | undefined, SqlError>
    /** The newest first, from below an id on. */
    list(
      userId: UserId,
      provider: ProviderId,
      limit: number,
      below: string | null
    ): Effect.Effect<ReadonlyArray<SyncRunRow>, SqlError>
    get(userId: UserId, provider: ProviderId, id: string): Effect.Effect<SyncRunRow | undefined, SqlError>
    /** Ends an open run: at once when it waits, else as soon as its process hears of it. */
    cancel(userId: UserId, provider: ProviderId, id: string): Effect.Effect<void, SqlError>
    /** Takes runs that wait no longer, or whose process gave no sign of life. */
    claim(owner: string, limit: number): Effect.Effect<ReadonlyArray<SyncRunRow>, SqlError>
    /** Gives a sign of life for all runs of a process, and tells which of them it still has and should go on with. */
    renew(owner: string): Effect.Effect<ReadonlySet<SyncRunId>, SqlError>
    /** Hands the runs of a process over to whoever is quickest. */
    release(owner: string): Effect.Effect<void, SqlError>
    /** Puts a run off; it goes on where it stands. False when it is another's by now. */
    wait(run: Pick<SyncRunRow, "id">, owner: string, seconds: number, stop: Stop): Effect.Effect<boolean, SqlError>
    /** Ends a run, and notes at its integration up to where contacts were looked at. */
    finish(
      run: Pick<SyncRunRow, "id">,
      owner: string,
      state: "COMPLETED" | "FAILED" | "CANCELLED",
      stop: Stop
    ): Effect.Effect<void, SqlError>
    /** Deletes runs that ended before so many days, at most a thousand; says how many. */
    forget(days: number): Effect.Effect<number, SqlError>
  }
>()("nexus/sync/SyncRunRepo") {
  static readonly layer = Layer.effect(
    SyncRunRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        `id, integration_id, user_id, provider, trigger, state, is_full, is_dry_run, since::text AS since, position, total,
         created, updated, unchanged, rejected, unconfirmed, removed, pending, error, error_kind, waits, is_cancelled,
         started_at, finished_at`
      )
      const lease = sql.literal(`now() + interval '${leaseSeconds} seconds'`)
      const first = (rows: ReadonlyArray<SyncRunRow>) => rows[0]

      return SyncRunRepo.of({
        begin: (integration, { trigger, isFull, isDryRun }, owner) =>
          sql<SyncRunRow>`
            WITH wanted AS (
              -- A transaction that this server has not come to yet is one of another server, from before a restore.
              SELECT CASE WHEN ${trigger} = 'automatic' AND synced_to <= pg_snapshot_xmin(pg_current_snapshot()) THEN synced_to END AS since
              FROM nexus.integration WHERE id = ${integration.id}::uuid
            ), begun AS (
              INSERT INTO nexus.sync_run (
                integration_id, user_id, provider, trigger, is_full, is_dry_run, since, total, owner, leased_until
              )
              SELECT ${integration.id}::uuid, ${integration.userId}, ${integration.provider}, ${trigger}, ${isFull}, ${isDryRun},
                since, (
                  SELECT count(*) FROM nexus.contact
                  WHERE user_id = ${integration.userId} AND (since IS NULL OR changed_in >= since)
                ), ${owner}::uuid, ${lease}
              FROM wanted
              ON CONFLICT (integration_id) WHERE state IN ('RUNNING', 'WAITING') DO NOTHING
              RETURNING *
            ), taken AS (
              UPDATE nexus.integration SET sync_at = NULL FROM begun
              WHERE integration.id = begun.integration_id AND NOT is_dry_run
            )
            SELECT ${columns} FROM begun`.pipe(Effect.map(first)),
        open: (integrationId) =>
          sql<SyncRunRow>`
            SELECT ${columns} FROM nexus.sync_run
            WHERE integration_id = ${integrationId}::uuid AND state IN ('RUNNING', 'WAITING')`.pipe(Effect.map(first)),
        list: (userId, provider, limit, below) => sql<SyncRunRow>`
          SELECT ${columns} FROM nexus.sync_run
          WHERE user_id = ${userId} AND provider = ${provider}
            AND id < coalesce(${below}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          ORDER BY id DESC LIMIT ${limit}`,
        get: (userId, provider, id) =>
          isId(id)
            ? sql<SyncRunRow>`
                SELECT ${columns} FROM nexus.sync_run
                WHERE id = ${id}::uuid AND user_id = ${userId} AND provider = ${provider}`.pipe(Effect.map(first))
            : Effect.succeed(undefined),
        // One that waits belongs to nobody who could end it.
        cancel: (userId, provider, id) => sql`
          UPDATE nexus.sync_run SET is_cancelled = true, wake_at = NULL,
            state = CASE state WHEN 'WAITING' THEN 'CANCELLED' ELSE state END,
            finished_at = CASE state WHEN 'WAITING' THEN now() END
          WHERE id = ${id}::uuid AND user_id = ${userId} AND provider = ${provider} AND state IN ('RUNNING', 'WAITING')`,
        claim: (owner, limit) => sql<SyncRunRow>`
          UPDATE nexus.sync_run SET state = 'RUNNING', owner = ${owner}::uuid, leased_until = ${lease}, wake_at = NULL
          WHERE id IN (
            SELECT id FROM nexus.sync_run
            WHERE state IN ('RUNNING', 'WAITING') AND coalesce(leased_until, wake_at) <= now()
            ORDER BY coalesce(leased_until, wake_at) LIMIT ${limit} FOR UPDATE SKIP LOCKED
          )
          RETURNING ${columns}`,
        renew: (owner) =>
          sql<{ readonly id: SyncRunId }>`
            WITH renewed AS (
              UPDATE nexus.sync_run SET leased_until = ${lease}
              WHERE owner = ${owner}::uuid AND state = 'RUNNING' AND leased_until > now()
              RETURNING id, is_cancelled
            )
            SELECT id FROM renewed WHERE NOT is_cancelled`.pipe(
            Effect.map((rows) => new Set(rows.map(({ id }) => id)))
          ),
        release: (owner) => sql`
          UPDATE nexus.sync_run SET leased_until = now() WHERE owner = ${owner}::uuid AND state = 'RUNNING'`,
        wait: (run, owner, seconds, { error, kind }) =>
          sql<{ readonly id: SyncRunId }>`
            UPDATE nexus.sync_run SET state = 'WAITING', owner = NULL, leased_until = NULL, waits = waits + 1,
              wake_at = now() + ${seconds}::float8 * interval '1 second', error = ${error}, error_kind = ${kind}
            WHERE id = ${run.id}::uuid AND owner = ${owner}::uuid AND state = 'RUNNING'
            RETURNING id`.pipe(Effect.map((rows) => rows.length > 0)),
        finish: (run, owner, state, { error, kind }) => sql`
          WITH finished AS (
            UPDATE nexus.sync_run SET state = ${state}, owner = NULL, leased_until = NULL, wake_at = NULL,
              finished_at = now(), error = ${error}, error_kind = ${kind}
            WHERE id = ${run.id}::uuid AND owner = ${owner}::uuid AND state = 'RUNNING'
            RETURNING integration_id, snapshot, is_dry_run, EXISTS (
              SELECT FROM nexus.sync_record
              WHERE sync_record.integration_id = sync_run.integration_id AND outcome = 'rejected' AND is_retryable
            ) AS has_retryable
          )
          UPDATE nexus.integration SET last_sync_at = now(),
            synced_to = CASE WHEN has_retryable THEN synced_to ELSE snapshot END,
            -- What may succeed on another day is not changed by then, so it has to be looked for.
            sync_at = CASE WHEN has_retryable AND auto_sync THEN least(sync_at, now() + interval '10 minutes') ELSE sync_at END
          FROM finished
          WHERE integration.id = finished.integration_id AND ${state} = 'COMPLETED' AND NOT is_dry_run`,
        forget: (days) =>
          sql<{ readonly id: SyncRunId }>`
            DELETE FROM nexus.sync_run WHERE id IN (
              SELECT id FROM nexus.sync_run WHERE finished_at < now() - ${days}::float8 * interval '1 day' LIMIT 1000
            ) RETURNING id`.pipe(Effect.map((rows) => rows.length))
      })
    })
  )
}
