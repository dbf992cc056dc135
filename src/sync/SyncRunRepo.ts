/** Sync runs: who works on which, how far they are, and what they ended with. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { isId } from "../domain/Cursor.ts"
import type { IntegrationId, ProviderId, SyncRunId, UserId } from "../domain/Ids.ts"
import type { ExportFormat, TroubleKind } from "../domain/Integration.ts"
import type { SyncRun, SyncState } from "../domain/Sync.ts"
import type { StoredFile } from "../plugin/Files.ts"
import type { Sealed } from "../vault/Vault.ts"

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
  /** Of the file that it makes; null for one that brings contacts one by one. */
  readonly format: ExportFormat | null
  readonly file: StoredFile | null
  /** Where an upload goes on. */
  readonly upload: Sealed | null
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
  /** How often in a row it found the provider still working. */
  readonly waits: number
  /** How often in a row it was put off by the provider or lost its process. */
  readonly troubles: number
  readonly isCancelled: boolean
  /** Stands for one claim of the run by one process: whoever claims it next has another one. Null while it waits. */
  readonly lease: string | null
  /** The provider's account that the integration had when the run began. */
  readonly accountId: string | null
  /** Seconds since it began, by the database's clock, when it was read. */
  readonly age: number
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

/** A run, as whoever has claimed it knows it. */
export type ClaimedRun = Pick<SyncRunRow, "id" | "lease">

/** What a run begins with. */
export type NewRun = Pick<SyncRunRow, "trigger" | "isFull" | "isDryRun" | "format">

/** What a lease that is renewed is told. */
export interface Renewed {
  readonly lease: string
  readonly isCancelled: boolean
}

export class SyncRunRepo extends Context.Service<
  SyncRunRepo,
  {
    /** Begins a run and counts its contacts; an automatic sync that was due is covered by it. Undefined when the integration has an open run already. */
    begin(
      integration: { readonly id: IntegrationId; readonly userId: UserId; readonly provider: ProviderId },
      run: NewRun
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
    claim(limit: number): Effect.Effect<ReadonlyArray<SyncRunRow>, SqlError>
    /** Gives a sign of life for claims, and tells which of them still hold. */
    renew(leases: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Renewed>, SqlError>
    /** Hands a run over to whoever is quickest. */
    release(run: ClaimedRun): Effect.Effect<void, SqlError>
    /** Puts a run off; it goes on where it stands. One that was cancelled in the meantime ends instead. */
    wait(run: ClaimedRun, seconds: number, stop: Stop): Effect.Effect<void, SqlError>
    /**
     * Ends a run, and notes at its integration up to where contacts were looked at. What a failed automatic run left is
     * due again: as soon as the integration works, or in ten minutes.
     */
    finish(run: ClaimedRun, state: "COMPLETED" | "FAILED" | "CANCELLED", stop: Stop): Effect.Effect<void, SqlError>
    /** Deletes runs that ended before so many days, at most a thousand; says how many. */
    forget(days: number): Effect.Effect<number, SqlError>
  }
>()("nexus/sync/SyncRunRepo") {
  static readonly layer = Layer.effect(
    SyncRunRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        `id, integration_id, user_id, provider, trigger, state, is_full, is_dry_run, format, file, upload, since::text AS since, position, total,
         created, updated, unchanged, rejected, unconfirmed, removed, pending, error, error_kind, waits, troubles, is_cancelled,
         lease, account_id, extract(epoch FROM now() - started_at)::float8 AS age, started_at, finished_at`
      )
      const lease = sql.literal(`now() + interval '${leaseSeconds} seconds'`)
      const first = (rows: ReadonlyArray<SyncRunRow>) => rows[0]
      // The settings that decide what a contact is sent as. Automatic runs begin from nothing when they have changed.
      const sentAs = sql.literal("md5((settings - 'autoSync' - 'removeDeleted')::text)")

      return SyncRunRepo.of({
        // Integrations are locked before their runs, here and everywhere.
        begin: (integration, { trigger, isFull, isDryRun, format }) =>
          sql<SyncRunRow>`
            WITH integration AS MATERIALIZED (
              SELECT id, account_id, ${sentAs} AS sent_as, synced_to, synced_as
              FROM nexus.integration WHERE id = ${integration.id}::uuid FOR NO KEY UPDATE
            ), wanted AS MATERIALIZED (
              -- A transaction that this server has not come to yet is one of another server, from before a restore.
              SELECT *, CASE WHEN ${trigger} = 'automatic' AND ${format}::text IS NULL AND synced_as = sent_as
                AND synced_to <= pg_snapshot_xmin(pg_current_snapshot()) THEN synced_to END AS since
              FROM integration
            ), begun AS (
              INSERT INTO nexus.sync_run (
                integration_id, user_id, provider, trigger, is_full, is_dry_run, format, account_id, sent_as, since, total,
                lease, leased_until
              )
              SELECT id, ${integration.userId}, ${integration.provider}, ${trigger}, ${isFull}, ${isDryRun}, ${format}, account_id,
                sent_as, since, CASE WHEN since IS NULL
                  THEN (SELECT count(*) FROM nexus.contact WHERE user_id = ${integration.userId})
                  ELSE (SELECT count(*) FROM nexus.contact WHERE user_id = ${integration.userId} AND id IN (
                    SELECT nexus.contacts_to_send(wanted.id, ${integration.userId}, since)
                  ))
                END, gen_random_uuid(), ${lease}
              FROM wanted
              ON CONFLICT (integration_id) WHERE state IN ('RUNNING', 'WAITING') DO NOTHING
              RETURNING *
            ), taken AS (
              UPDATE nexus.integration SET sync_at = CASE WHEN ${format}::text IS NULL THEN NULL ELSE sync_at END,
                export_at = CASE WHEN ${trigger} = 'automatic' AND ${format}::text IS NOT NULL
                  THEN now() + nexus.export_interval(export_every) ELSE export_at END
              FROM begun
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
        claim: (limit) => sql<SyncRunRow>`
          UPDATE nexus.sync_run
          SET state = 'RUNNING', lease = gen_random_uuid(), leased_until = ${lease}, wake_at = NULL,
            troubles = troubles + CASE state WHEN 'RUNNING' THEN 1 ELSE 0 END
          WHERE id IN (
            SELECT id FROM nexus.sync_run
            WHERE state IN ('RUNNING', 'WAITING') AND coalesce(leased_until, wake_at) <= now()
            ORDER BY coalesce(leased_until, wake_at) LIMIT ${limit} FOR UPDATE SKIP LOCKED
          )
          RETURNING ${columns}`,
        renew: (leases) =>
          sql<Renewed>`
            UPDATE nexus.sync_run SET leased_until = ${lease}
            WHERE lease = ANY (${leases}::text[]::uuid[]) AND state = 'RUNNING' AND leased_until > now()
            RETURNING lease, is_cancelled`,
        release: (run) => sql`
          UPDATE nexus.sync_run SET leased_until = now()
          WHERE id = ${run.id}::uuid AND lease = ${run.lease}::uuid AND state = 'RUNNING'`,
        wait: (run, seconds, { error, kind }) => sql`
          UPDATE nexus.sync_run SET state = CASE WHEN is_cancelled THEN 'CANCELLED' ELSE 'WAITING' END,
            lease = NULL, leased_until = NULL, error = ${error}, error_kind = ${kind},
            waits = CASE WHEN ${kind}::text IS NULL THEN waits + 1 ELSE waits END,
            troubles = CASE WHEN ${kind}::text IS NULL THEN 0 ELSE troubles + 1 END,
            wake_at = CASE WHEN NOT is_cancelled THEN now() + ${seconds}::float8 * interval '1 second' END,
            finished_at = CASE WHEN is_cancelled THEN now() END
          WHERE id = ${run.id}::uuid AND lease = ${run.lease}::uuid AND state = 'RUNNING'`,
        finish: (run, state, { error, kind }) => sql`
          WITH locked AS MATERIALIZED (
            SELECT integration.id FROM nexus.integration
            WHERE id = (SELECT integration_id FROM nexus.sync_run WHERE id = ${run.id}::uuid) FOR NO KEY UPDATE
          ), finished AS (
            UPDATE nexus.sync_run SET state = ${state}, lease = NULL, leased_until = NULL, wake_at = NULL,
              upload = NULL, finished_at = now(), error = ${error}, error_kind = ${kind},
              -- Contacts that came or went while it ran are counted by now.
              total = CASE WHEN ${state} = 'COMPLETED'
                THEN created + updated + unchanged + rejected + pending + unconfirmed ELSE total END
            FROM (SELECT count(*) FROM locked) AS first
            WHERE id = ${run.id}::uuid AND lease = ${run.lease}::uuid AND state = 'RUNNING'
            RETURNING integration_id, account_id, snapshot, sent_as, trigger, EXISTS (
              SELECT FROM nexus.sync_record
              WHERE sync_record.integration_id = sync_run.integration_id AND outcome = 'rejected' AND is_retryable
            ) AS has_retryable, ${state} = 'COMPLETED' AND NOT is_dry_run AS is_done
          )
          UPDATE nexus.integration SET last_sync_at = CASE WHEN is_done THEN now() ELSE last_sync_at END,
            synced_to = CASE WHEN is_done THEN snapshot ELSE synced_to END,
            synced_as = CASE WHEN is_done THEN sent_as ELSE synced_as END,
            -- What may succeed on another day is not changed by then, so it has to be looked for.
            sync_at = CASE
              WHEN is_done AND has_retryable AND auto_sync THEN least(sync_at, now() + interval '10 minutes')
              WHEN ${state} = 'FAILED' AND trigger = 'automatic'
                THEN least(sync_at, now() + CASE status WHEN 'ACTIVE' THEN interval '10 minutes' ELSE interval '0' END)
              ELSE sync_at END
          FROM finished
          WHERE integration.id = finished.integration_id
            AND integration.account_id IS NOT DISTINCT FROM coalesce(finished.account_id, integration.account_id)`,
        forget: (days) =>
          sql<{ readonly id: SyncRunId }>`
            DELETE FROM nexus.sync_run WHERE id IN (
              SELECT id FROM nexus.sync_run WHERE finished_at < now() - ${days}::float8 * interval '1 day'
              LIMIT 1000 FOR UPDATE SKIP LOCKED
            ) RETURNING id`.pipe(Effect.map((rows) => rows.length))
      })
    })
  )
}
