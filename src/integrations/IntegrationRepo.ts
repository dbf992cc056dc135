/** The integrations of users, credentials sealed. What people ask for runs inside of {@link UserTransactions}. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Actor } from "../domain/Actor.ts"
import type { IntegrationId, ProviderId, UserId } from "../domain/Ids.ts"
import type { IntegrationStatus, Settings, TroubleKind } from "../domain/Integration.ts"
import type { Account } from "../plugin/Provider.ts"
import type { Sealed } from "../vault/Vault.ts"

/** An integration as the database has it. */
export interface IntegrationRow {
  readonly id: IntegrationId
  readonly userId: UserId
  readonly provider: ProviderId
  readonly status: IntegrationStatus
  /** Another one each time it is connected, and the same while its tokens are renewed. */
  readonly connection: string
  readonly credentials: Sealed
  readonly settings: Settings
  readonly accountId: string | null
  readonly accountLabel: string | null
  readonly lastError: string | null
  readonly lastErrorKind: TroubleKind | null
  readonly lastSyncAt: Date | null
  readonly lastVerifiedAt: Date | null
  readonly failedChecks: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What is wrong with an integration, as its user reads it. */
export interface Trouble {
  readonly kind: TroubleKind
  /** What happened, without a full stop. */
  readonly what: string
  /** What happened and what to do. */
  readonly sentence: string
}

/** What connecting writes. */
export interface ConnectedColumns {
  readonly credentials: Sealed
  readonly settings: Settings
  /** Null when the provider could not be asked. */
  readonly account: Account | null
  readonly trouble: Trouble | null
}

export type IntegrationAction =
  | "integration.connected"
  | "integration.reconnected"
  | "integration.updated"
  | "integration.paused"
  | "integration.resumed"
  | "integration.synced"
  | "integration.exported"
  | "integration.verified"
  | "integration.disconnected"

export class IntegrationRepo extends Context.Service<
  IntegrationRepo,
  {
    /** By provider; a user has at most one for each. */
    list(userId: UserId): Effect.Effect<ReadonlyArray<IntegrationRow>, SqlError>
    find(userId: UserId, provider: ProviderId): Effect.Effect<IntegrationRow | undefined, SqlError>
    /** The same, locked until the transaction ends. */
    lock(userId: UserId, provider: ProviderId): Effect.Effect<IntegrationRow | undefined, SqlError>
    /** Whether another integration, of whichever user, is connected to the same account. */
    sharesAccount(row: IntegrationRow): Effect.Effect<boolean, SqlError>
    byId(id: IntegrationId): Effect.Effect<IntegrationRow | undefined, SqlError>
    /** Makes an integration, or gives the one with this id new credentials. */
    save(
      integration: Pick<IntegrationRow, "id" | "userId" | "provider">,
      columns: ConnectedColumns
    ): Effect.Effect<IntegrationRow, SqlError>
    /**
     * Ends the run that an integration has open, if any: at once when it waits, else as soon as its process hears of it.
     * Nothing of it is written once the transaction around this has ended.
     */
    endSync(row: Pick<IntegrationRow, "id">): Effect.Effect<void, SqlError>
    /**
     * Forgets what was sent through an integration: its next sync begins from nothing. Nothing is written any more of an
     * open run that doesn't know its account, and so would not see that there is another one.
     */
    forgetSent(row: IntegrationRow): Effect.Effect<void, SqlError>
    /** Changes settings, and pauses or resumes. A resumed one is checked at once. */
    update(
      row: IntegrationRow,
      columns: { readonly settings: Settings; readonly status: IntegrationStatus }
    ): Effect.Effect<IntegrationRow, SqlError>
    delete(row: IntegrationRow): Effect.Effect<void, SqlError>
    /** Notes that the provider took the credentials. What waited for that is synced at once. */
    healthy(row: IntegrationRow, account: Account | null): Effect.Effect<void, SqlError>
    /** Notes trouble, unless the integration was connected anew since `row` was read. A paused one stays paused. */
    troubled(row: IntegrationRow, trouble: Trouble, checkInSeconds: number | null): Effect.Effect<void, SqlError>
    /** Integrations whose check is due, which no other process takes for a minute. */
    dueChecks(limit: number): Effect.Effect<ReadonlyArray<IntegrationRow>, SqlError>
    announce(
      actor: Actor,
      action: IntegrationAction,
      row: Pick<IntegrationRow, "id" | "provider">,
      detail: Readonly<Record<string, unknown>>
    ): Effect.Effect<void, SqlError>
  }
>()("nexus/integrations/IntegrationRepo") {
  static readonly layer = Layer.effect(
    IntegrationRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        `id, user_id, provider, status, connection, credentials, settings, account_id, account_label, last_error, last_error_kind,
         last_sync_at, last_verified_at, failed_checks, created_at, updated_at`
      )
      const first = (rows: ReadonlyArray<IntegrationRow>) => rows[0]
      const only = (rows: ReadonlyArray<IntegrationRow>) => Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)
      // Spread, so that integrations that were connected together are not checked together for ever.
      const nextCheck = sql.literal("now() + interval '1 hour' * (0.9 + random() * 0.2)")
      const find = (userId: UserId, provider: ProviderId, locking: Fragment) =>
        sql<IntegrationRow>`
          SELECT ${columns} FROM nexus.integration WHERE user_id = ${userId} AND provider = ${provider} ${locking}`.pipe(
          Effect.map(first)
        )
      return IntegrationRepo.of({
        list: (userId) => sql<IntegrationRow>`
          SELECT ${columns} FROM nexus.integration WHERE user_id = ${userId} ORDER BY provider`,
        find: (userId, provider) => find(userId, provider, sql``),
        lock: (userId, provider) => find(userId, provider, sql`FOR UPDATE`),
        sharesAccount: ({ id, provider, accountId }) =>
          sql<{ readonly isShared: boolean }>`
            SELECT EXISTS (
              SELECT FROM nexus.integration
              WHERE provider = ${provider} AND account_id = ${accountId} AND id <> ${id}::uuid
            ) AS is_shared`.pipe(Effect.map((rows) => rows[0]?.isShared === true)),
        byId: (id) =>
          sql<IntegrationRow>`SELECT ${columns} FROM nexus.integration WHERE id = ${id}::uuid`.pipe(Effect.map(first)),
        save: ({ id, userId, provider }, { credentials, settings, account, trouble }) =>
          sql<IntegrationRow>`
            INSERT INTO nexus.integration (
              id, user_id, provider, credentials, settings, status, last_error, last_error_kind, account_id, account_label,
              failed_checks, last_verified_at, check_at, sync_at, export_at
            ) VALUES (
              ${id}, ${userId}, ${provider}, ${credentials}, ${sql.json(settings)},
              ${trouble === null ? "ACTIVE" : "ERROR"}, ${trouble?.sentence ?? null}, ${trouble?.kind ?? null},
              ${account?.id ?? null}, ${account?.label ?? null},
              ${account === null ? 1 : 0}, CASE WHEN ${account !== null} THEN now() END,
              CASE WHEN ${account === null} THEN now() + interval '15 seconds' ELSE ${nextCheck} END,
              CASE WHEN ${settings.autoSync === true} THEN now() END,
              CASE WHEN ${isScheduled(settings)} THEN now() END
            )
            ON CONFLICT (id) DO UPDATE SET connection = EXCLUDED.connection, credentials = EXCLUDED.credentials,
              refresh_lease = NULL, refresh_until = NULL, settings = EXCLUDED.settings,
              status = EXCLUDED.status, last_error = EXCLUDED.last_error, last_error_kind = EXCLUDED.last_error_kind,
              account_id = EXCLUDED.account_id, account_label = EXCLUDED.account_label, updated_at = now(),
              failed_checks = EXCLUDED.failed_checks, last_verified_at = EXCLUDED.last_verified_at,
              check_at = EXCLUDED.check_at, sync_at = EXCLUDED.sync_at,
              export_at = CASE WHEN ${isScheduled(settings)} THEN coalesce(integration.export_at, now()) END
            RETURNING ${columns}`.pipe(Effect.flatMap(only)),
        // In two statements: only the second one sees a run that began while the first one waited.
        endSync: Effect.fnUntraced(function* (row: Pick<IntegrationRow, "id">) {
          yield* sql`SELECT FROM nexus.integration WHERE id = ${row.id}::uuid FOR UPDATE`
          yield* sql`
            UPDATE nexus.sync_run SET is_cancelled = true, wake_at = NULL,
              state = CASE state WHEN 'WAITING' THEN 'CANCELLED' ELSE state END,
              finished_at = CASE state WHEN 'WAITING' THEN now() END
            WHERE integration_id = ${row.id}::uuid AND state IN ('RUNNING', 'WAITING')`
        }),
        forgetSent: Effect.fnUntraced(function* (row: IntegrationRow) {
          yield* sql`DELETE FROM nexus.sync_record WHERE integration_id = ${row.id}::uuid`
          yield* sql`DELETE FROM nexus.integration_memory WHERE integration_id = ${row.id}::uuid`
          yield* sql`UPDATE nexus.integration SET synced_to = NULL WHERE id = ${row.id}::uuid`
          yield* sql`
            UPDATE nexus.sync_run SET state = 'CANCELLED', lease = NULL, leased_until = NULL, finished_at = now()
            WHERE integration_id = ${row.id}::uuid AND state = 'RUNNING' AND account_id IS NULL`
        }),
        update: (row, { settings, status }) =>
          sql<IntegrationRow>`
            UPDATE nexus.integration SET settings = ${sql.json(settings)}, status = ${status},
              export_at = CASE WHEN ${isScheduled(settings)} THEN
                CASE WHEN export_every = ${String(settings.exportEvery)} THEN coalesce(export_at, now()) ELSE now() END END,
              sync_at = CASE WHEN ${status !== "INACTIVE"} AND ${settings.autoSync === true} THEN now() END,
              check_at = CASE WHEN ${status !== "INACTIVE"} THEN now() END, updated_at = now()
            WHERE id = ${row.id}::uuid RETURNING ${columns}`.pipe(Effect.flatMap(only)),
        delete: (row) => sql`DELETE FROM nexus.integration WHERE id = ${row.id}::uuid`,
        healthy: (row, account) => sql`
          UPDATE nexus.integration SET last_verified_at = now(), failed_checks = 0, last_error = NULL, last_error_kind = NULL,
            status = CASE status WHEN 'ERROR' THEN 'ACTIVE' ELSE status END,
            sync_at = CASE WHEN status = 'ERROR' AND auto_sync THEN now() ELSE sync_at END,
            account_id = coalesce(${account?.id ?? null}, account_id),
            account_label = coalesce(${account?.label ?? null}, account_label),
            check_at = CASE WHEN status <> 'INACTIVE' THEN ${nextCheck} END
          WHERE id = ${row.id}::uuid AND connection = ${row.connection}::uuid`,
        troubled: (row, { kind, sentence }, checkInSeconds) => sql`
          UPDATE nexus.integration SET last_error = ${sentence}, last_error_kind = ${kind},
            status = CASE status WHEN 'INACTIVE' THEN status ELSE 'ERROR' END, failed_checks = failed_checks + 1,
            check_at = CASE WHEN status <> 'INACTIVE' THEN now() + ${checkInSeconds}::float8 * interval '1 second' END
          WHERE id = ${row.id}::uuid AND connection = ${row.connection}::uuid`,
        dueChecks: (limit) => sql<IntegrationRow>`
          UPDATE nexus.integration SET check_at = now() + interval '1 minute'
          WHERE id IN (
            SELECT id FROM nexus.integration WHERE check_at <= now() ORDER BY check_at
            LIMIT ${limit} FOR UPDATE SKIP LOCKED
          )
          RETURNING ${columns}`,
        announce: (actor, action, { id, provider }, detail) => sql`
          INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
          VALUES (${actor.userId}, ${actor.actor}, ${action}, ${id},
            ${JSON.stringify({ provider, ...detail })}::text::json, ${actor.address})`
      })
    })
  )
}

const isScheduled = ({ exportEvery }: Settings) => typeof exportEvery === "string"
