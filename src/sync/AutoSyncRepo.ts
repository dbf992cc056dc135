/** Which integrations are due for an automatic sync, or for an export by schedule. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { IntegrationId } from "../domain/Ids.ts"

/** How long changes are gathered before they are synced, in seconds. */
const gatherSeconds = 2

export class AutoSyncRepo extends Context.Service<
  AutoSyncRepo,
  {
    /** Turns changes of contacts into times when integrations are due; says how many changes it read. */
    readonly gather: Effect.Effect<number, SqlError>
    /** Integrations that are due, each given to one process only, and given out again when no run begins. */
    due(limit: number): Effect.Effect<ReadonlyArray<IntegrationId>, SqlError>
    /** The same for exports. */
    dueExports(limit: number): Effect.Effect<ReadonlyArray<IntegrationId>, SqlError>
  }
>()("nexus/sync/AutoSyncRepo") {
  static readonly layer = Layer.effect(
    AutoSyncRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const gatherTime = sql.literal(`interval '${gatherSeconds} seconds'`)

      const due = (at: Fragment, isWanted: Fragment, limit: number) =>
        sql<{ readonly id: IntegrationId }>`
          UPDATE nexus.integration SET ${at} = now() + interval '10 seconds'
          WHERE id IN (
            SELECT id FROM nexus.integration
            WHERE ${at} <= now() AND status = 'ACTIVE' AND ${isWanted} AND NOT EXISTS (
              SELECT FROM nexus.sync_run
              WHERE integration_id = integration.id AND state IN ('RUNNING', 'WAITING')
            )
            ORDER BY ${at} LIMIT ${limit} FOR UPDATE SKIP LOCKED
          )
          RETURNING id`.pipe(Effect.map((rows) => rows.map(({ id }) => id)))

      return AutoSyncRepo.of({
        gather: sql<{ readonly changes: number }>`
          WITH changed AS (
            DELETE FROM nexus.contact_change WHERE id IN (
              SELECT id FROM nexus.contact_change ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED
            ) RETURNING user_id
          ), later AS (
            -- In order, so that two processes that gather at once never wait for one another in a circle.
            SELECT id FROM nexus.integration
            WHERE auto_sync AND user_id IN (SELECT user_id FROM changed)
              AND (sync_at IS NULL OR sync_at > now() + ${gatherTime})
            ORDER BY id FOR NO KEY UPDATE
          ), scheduled AS (
            UPDATE nexus.integration SET sync_at = least(sync_at, now() + ${gatherTime}) WHERE id IN (SELECT id FROM later)
          )
          SELECT count(*)::int AS changes FROM changed`.pipe(Effect.map((rows) => rows[0]?.changes ?? 0)),
        due: (limit) => due(sql`sync_at`, sql`auto_sync`, limit),
        dueExports: (limit) => due(sql`export_at`, sql`export_every IS NOT NULL`, limit)
      })
    })
  )
}
