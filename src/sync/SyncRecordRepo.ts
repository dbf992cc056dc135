/** What became of each contact at a provider, and what there is to send. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { IntegrationId, UserId } from "../domain/Ids.ts"
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

/** A row of `rejected.csv`. */
export interface RejectRow {
  readonly contactId: string
  readonly email: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly field: string | null
  readonly reason: string
}

export class SyncRecordRepo extends Context.Service<
  SyncRecordRepo,
  {
    /** The next contacts of a run, behind its position. */
    page(run: SyncRunRow, after: string | null, limit: number): Effect.Effect<ReadonlyArray<KnownContact>, SqlError>
    /**
     * Writes what became of a batch, with the run's position and counts, in one transaction. False when the run is
     * another process's by now, or was cancelled: then nothing of it is written but what became of the contacts.
     */
    checkpoint(
      run: SyncRunRow,
      owner: string,
      progress: {
        readonly position: string | null
        readonly counts: Counts
        readonly accounted: ReadonlyArray<Accounted>
      }
    ): Effect.Effect<boolean, SqlError>
    /** Jobs that the provider works on. */
    jobs(integrationId: IntegrationId): Effect.Effect<ReadonlyArray<string>, SqlError>
    /** Contacts of a job, by id, behind one. */
    ofJob(
      integrationId: IntegrationId,
      job: string,
      after: string | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<KnownContact>, SqlError>
    /** Contacts that were sent, and are deleted here by now. */
    orphans(integrationId: IntegrationId, limit: number): Effect.Effect<ReadonlyArray<RemovedContact>, SqlError>
    forget(integrationId: IntegrationId, contacts: ReadonlyArray<string>): Effect.Effect<void, SqlError>
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

      return SyncRecordRepo.of({
        page: (run, after, limit) => sql<KnownContact>`
          SELECT contact.id, contact.email, ${known}
          FROM nexus.contact
          LEFT JOIN nexus.sync_record AS record
            ON record.integration_id = ${run.integrationId}::uuid AND record.contact_id = contact.id
          WHERE contact.user_id = ${run.userId} AND contact.id > ${after ?? lowest}::uuid
            AND (${run.since}::text IS NULL OR contact.changed_in >= ${run.since}::text::xid8)
          ORDER BY contact.id LIMIT ${limit}`,

        checkpoint: Effect.fnUntraced(function* (run, owner, { position, counts, accounted }) {
          const rows = JSON.stringify(accounted)
          const result = yield* sql<{ readonly goesOn: boolean }>`
            WITH accounted AS (
              SELECT * FROM json_to_recordset(${rows}::text::json) AS _ (
                "contactId" uuid, email text, "externalId" text, hash text, outcome text, reason text, field text,
                "isRetryable" boolean, job text
              )
            ), recorded AS (
              INSERT INTO nexus.sync_record (
                integration_id, contact_id, user_id, email, external_id, hash, outcome, reason, field, is_retryable, job, run_id
              )
              SELECT ${run.integrationId}::uuid, "contactId", ${run.userId}, email, "externalId", hash, outcome, reason, field,
                "isRetryable", job, ${run.id}::uuid
              FROM accounted
              WHERE EXISTS (SELECT FROM nexus.integration WHERE id = ${run.integrationId}::uuid FOR KEY SHARE)
              ON CONFLICT (integration_id, contact_id) DO UPDATE SET email = EXCLUDED.email,
                external_id = coalesce(EXCLUDED.external_id, sync_record.external_id), hash = EXCLUDED.hash,
                outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, field = EXCLUDED.field,
                is_retryable = EXCLUDED.is_retryable, job = EXCLUDED.job, run_id = EXCLUDED.run_id, updated_at = now()
            ), rejected AS (
              INSERT INTO nexus.sync_reject (run_id, contact_id, user_id, email, reason, field)
              SELECT ${run.id}::uuid, "contactId", ${run.userId}, email, coalesce(reason, ''), field
              FROM accounted WHERE outcome = 'rejected'
              ON CONFLICT (run_id, contact_id) DO UPDATE SET reason = EXCLUDED.reason, field = EXCLUDED.field
            )
            UPDATE nexus.sync_run SET position = coalesce(${position}::uuid, position),
              created = created + ${counts.created ?? 0}, updated = updated + ${counts.updated ?? 0},
              unchanged = unchanged + ${counts.unchanged ?? 0}, rejected = rejected + ${counts.rejected ?? 0},
              unconfirmed = unconfirmed + ${counts.unconfirmed ?? 0}, removed = removed + ${counts.removed ?? 0},
              pending = pending + ${counts.pending ?? 0}, waits = 0
            WHERE id = ${run.id}::uuid AND owner = ${owner}::uuid AND state = 'RUNNING'
            RETURNING NOT is_cancelled AS goes_on`
          return result[0]?.goesOn ?? false
        }),

        jobs: (integrationId) =>
          sql<{ readonly job: string }>`
            SELECT DISTINCT job FROM nexus.sync_record
            WHERE integration_id = ${integrationId}::uuid AND job IS NOT NULL ORDER BY job LIMIT 1000`.pipe(
            Effect.map((rows) => rows.map(({ job }) => job))
          ),
        ofJob: (integrationId, job, after, limit) => sql<KnownContact>`
          SELECT record.contact_id AS id, record.email, ${known}
          FROM nexus.sync_record AS record LEFT JOIN nexus.contact ON contact.id = record.contact_id
          WHERE record.integration_id = ${integrationId}::uuid AND record.job = ${job}
            AND record.contact_id > ${after ?? lowest}::uuid
          ORDER BY record.contact_id LIMIT ${limit}`,
        orphans: (integrationId, limit) => sql<RemovedContact>`
          SELECT record.contact_id AS id, record.email, record.external_id
          FROM nexus.sync_record AS record
          WHERE record.integration_id = ${integrationId}::uuid
            AND NOT EXISTS (SELECT FROM nexus.contact WHERE contact.id = record.contact_id)
          ORDER BY record.contact_id LIMIT ${limit}`,
        forget: (integrationId, contacts) => sql`
          DELETE FROM nexus.sync_record
          WHERE integration_id = ${integrationId}::uuid AND contact_id = ANY (${contacts}::text[]::uuid[])`,
        rejects: (userId, runId, after, limit) => sql<RejectRow>`
          SELECT reject.contact_id, reject.email, contact.first_name, contact.last_name, reject.field, reject.reason
          FROM nexus.sync_reject AS reject LEFT JOIN nexus.contact ON contact.id = reject.contact_id
          WHERE reject.run_id = ${runId}::uuid AND reject.user_id = ${userId} AND reject.contact_id > ${after ?? lowest}::uuid
          ORDER BY reject.contact_id LIMIT ${limit}`
      })
    })
  )
}
