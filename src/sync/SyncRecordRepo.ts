/** What became of each contact at a provider, and what there is to send. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { UserId } from "../domain/Ids.ts"
import type { RemovedContact } from "../plugin/Provider.ts"
import type { SourceContact } from "./Mapping.ts"
import type { SyncRunRow } from "./SyncRunRepo.ts"

export type RecordOutcome = "created" | "updated" | "unchanged" | "rejected" | "pending" | "unconfirmed"

/** A contact, and what is known of it at the provider. */
export interface KnownContact extends SourceContact {
  /** Null for one that was never sent. */
  readonly outcome: RecordOutcome | null
  readonly externalId: string | null
  readonly hash: string | null
  readonly reason: string | null
  readonly field: string | null
  readonly isRetryable: boolean | null
}

/** What became of a contact. */
export interface Accounted {
  readonly contactId: string
  readonly email: string
  readonly externalId: string | null
  readonly hash: string | null
  readonly outcome: RecordOutcome
  readonly reason: string | null
  readonly field: string | null
  readonly isRetryable: boolean
  readonly job: string | null
}

/** Changes of a run's counts. */
export type Counts = Partial<
  Record<"created" | "updated" | "unchanged" | "rejected" | "unconfirmed" | "removed" | "pending", number>
>

/** What a checkpoint writes. */
export interface Progress {
  /** The last contact that is done; null leaves it where it is. */
  readonly position: string | null
  readonly counts: Counts
  readonly accounted: ReadonlyArray<Accounted>
  /** Contacts that are deleted here, and of which nothing is kept any more. */
  readonly forgotten: ReadonlyArray<string>
}

/** A contact that the provider works on in the background. */
export interface AwaitedContact extends KnownContact {
  /** Seconds since it has this outcome, by the database's clock. */
  readonly age: number
}

/** A row of `rejected.csv`. */
export interface RejectRow {
  readonly contactId: string
  readonly email: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly field: string | null
  readonly reason: string
}

/** Contacts of an automatic run that are looked up by their changes; with more of them, all contacts are gone through. */
const mostLookedUp = 5000

export class SyncRecordRepo extends Context.Service<
  SyncRecordRepo,
  {
    /** The next contacts of a run, behind its position. */
    page(run: SyncRunRow, after: string | null, limit: number): Effect.Effect<ReadonlyArray<KnownContact>, SqlError>
    /**
     * Writes what became of a batch, with the run's position and counts, all or nothing. False when the run was
     * cancelled, and when nothing was written: the run is another process's by now, or its integration is gone or
     * connected to another account.
     */
    checkpoint(run: SyncRunRow, progress: Progress): Effect.Effect<boolean, SqlError>
    /** Jobs of a run that the provider works on, behind one. */
    jobs(run: SyncRunRow, after: string, limit: number): Effect.Effect<ReadonlyArray<string>, SqlError>
    /** Contacts of a job, by id, behind one. */
    ofJob(
      run: SyncRunRow,
      job: string,
      after: string | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<AwaitedContact>, SqlError>
    /** Contacts that were sent and are deleted here by now, by id, behind one; without those that the run waits for. */
    orphans(
      run: SyncRunRow,
      after: string | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<RemovedContact>, SqlError>
    /** Contacts that a run rejected, by id, behind one. */
    rejects(
      userId: UserId,
      runId: string,
      after: string | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<RejectRow>, SqlError>
  }
>()("nexus/sync/SyncRecordRepo") {
  static readonly layer = Layer.effect(
    SyncRecordRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const known = sql.literal(
        `contact.first_name, contact.last_name, contact.phone, contact.company, contact.job_title, contact.card_id,
         coalesce(contact.tags, '{}') AS tags, coalesce(contact.custom_fields, '{}') AS custom_fields,
         record.outcome, record.external_id, record.hash, record.reason, record.field, record.is_retryable`
      )
      const lowest = "00000000-0000-0000-0000-000000000000"
      // The same contacts either way: a few are looked up for each page, many are met on the way through all of them.
      const chosen = ({ integrationId, userId, since, total }: SyncRunRow) => {
        if (since === null) return sql``
        return total <= mostLookedUp
          ? sql`AND contact.id IN (SELECT nexus.contacts_to_send(${integrationId}::uuid, ${userId}, ${since}::text::xid8))`
          : sql`AND (contact.changed_in >= ${since}::text::xid8
              OR record.outcome IN ('pending', 'unconfirmed') OR record.is_retryable)`
      }

      return SyncRecordRepo.of({
        page: (run, after, limit) => sql<KnownContact>`
          SELECT contact.id, contact.email, ${known}
          FROM nexus.contact
          LEFT JOIN nexus.sync_record AS record
            ON record.integration_id = ${run.integrationId}::uuid AND record.contact_id = contact.id
          WHERE contact.user_id = ${run.userId} AND contact.id > ${after ?? lowest}::uuid ${chosen(run)}
          ORDER BY contact.id LIMIT ${limit}`,

        // Locks the integration, then the run: in the order of whoever cancels it.
        checkpoint: Effect.fnUntraced(function* (run, { position, counts, accounted, forgotten }) {
          const isProgress = accounted.length > 0 || forgotten.length > 0 || Object.keys(counts).length > 0
          const result = yield* sql<{ readonly goesOn: boolean }>`
            WITH integration AS MATERIALIZED (
              SELECT id FROM nexus.integration
              WHERE id = ${run.integrationId}::uuid
                AND account_id IS NOT DISTINCT FROM coalesce(${run.accountId}, account_id)
              FOR KEY SHARE
            ), held AS MATERIALIZED (
              SELECT id FROM nexus.sync_run
              WHERE EXISTS (SELECT FROM integration) AND id = ${run.id}::uuid AND lease = ${run.lease}::uuid
                AND state = 'RUNNING'
              FOR UPDATE
            ), accounted AS (
              SELECT * FROM json_to_recordset(${JSON.stringify(accounted)}::text::json) AS _ (
                "contactId" uuid, email text, "externalId" text, hash text, outcome text, reason text, field text,
                "isRetryable" boolean, job text
              ) WHERE EXISTS (SELECT FROM held)
            ), recorded AS (
              INSERT INTO nexus.sync_record (
                integration_id, contact_id, user_id, email, external_id, hash, outcome, reason, field, is_retryable, job, run_id
              )
              SELECT ${run.integrationId}::uuid, "contactId", ${run.userId}, email, "externalId", hash, outcome, reason, field,
                "isRetryable", job, ${run.id}::uuid
              FROM accounted
              ON CONFLICT (integration_id, contact_id) DO UPDATE SET email = EXCLUDED.email,
                external_id = coalesce(EXCLUDED.external_id, sync_record.external_id), hash = EXCLUDED.hash,
                outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, field = EXCLUDED.field,
                is_retryable = EXCLUDED.is_retryable, job = EXCLUDED.job, run_id = EXCLUDED.run_id, updated_at = now()
            ), rejected AS (
              INSERT INTO nexus.sync_reject (run_id, contact_id, user_id, email, reason, field)
              SELECT ${run.id}::uuid, "contactId", ${run.userId}, email, coalesce(reason, ''), field
              FROM accounted WHERE outcome = 'rejected'
              ON CONFLICT (run_id, contact_id) DO UPDATE SET reason = EXCLUDED.reason, field = EXCLUDED.field
            ), forgotten AS (
              DELETE FROM nexus.sync_record
              WHERE integration_id = ${run.integrationId}::uuid AND contact_id = ANY (${forgotten}::text[]::uuid[])
                AND EXISTS (SELECT FROM held)
            )
            UPDATE nexus.sync_run SET position = coalesce(${position}::uuid, position),
              created = created + ${counts.created ?? 0}, updated = updated + ${counts.updated ?? 0},
              unchanged = unchanged + ${counts.unchanged ?? 0}, rejected = rejected + ${counts.rejected ?? 0},
              unconfirmed = unconfirmed + ${counts.unconfirmed ?? 0}, removed = removed + ${counts.removed ?? 0},
              pending = pending + ${counts.pending ?? 0}, waits = CASE WHEN ${isProgress} THEN 0 ELSE waits END,
              troubles = CASE WHEN ${isProgress} THEN 0 ELSE troubles END
            WHERE id IN (SELECT id FROM held)
            RETURNING NOT is_cancelled AS goes_on`
          return result[0]?.goesOn ?? false
        }),

        jobs: (run, after, limit) =>
          sql<{ readonly job: string }>`
            SELECT DISTINCT job FROM nexus.sync_record
            WHERE integration_id = ${run.integrationId}::uuid AND job > ${after} AND run_id = ${run.id}::uuid
            ORDER BY job LIMIT ${limit}`.pipe(Effect.map((rows) => rows.map(({ job }) => job))),
        ofJob: (run, job, after, limit) => sql<AwaitedContact>`
          SELECT record.contact_id AS id, record.email, extract(epoch FROM now() - record.updated_at)::float8 AS age, ${known}
          FROM nexus.sync_record AS record LEFT JOIN nexus.contact ON contact.id = record.contact_id
          WHERE record.integration_id = ${run.integrationId}::uuid AND record.job = ${job} AND run_id = ${run.id}::uuid
            AND record.contact_id > ${after ?? lowest}::uuid
          ORDER BY record.contact_id LIMIT ${limit}`,
        orphans: (run, after, limit) => sql<RemovedContact>`
          SELECT record.contact_id AS id, record.email, record.external_id
          FROM nexus.sync_record AS record
          WHERE record.integration_id = ${run.integrationId}::uuid AND record.contact_id > ${after ?? lowest}::uuid
            AND (record.job IS NULL OR record.run_id <> ${run.id}::uuid)
            AND NOT EXISTS (SELECT FROM nexus.contact WHERE contact.id = record.contact_id)
          ORDER BY record.contact_id LIMIT ${limit}`,
        rejects: (userId, runId, after, limit) => sql<RejectRow>`
          SELECT reject.contact_id, reject.email, contact.first_name, contact.last_name, reject.field, reject.reason
          FROM nexus.sync_reject AS reject LEFT JOIN nexus.contact ON contact.id = reject.contact_id
          WHERE reject.run_id = ${runId}::uuid AND reject.user_id = ${userId} AND reject.contact_id > ${after ?? lowest}::uuid
          ORDER BY reject.contact_id LIMIT ${limit}`
      })
    })
  )
}
