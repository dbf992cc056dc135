/** What the database knows of the state of the whole installation. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"

export interface Gauges {
  /** Rows of the outbox that wait for fan-out, oldest first in age. */
  readonly outboxRows: number
  readonly outboxOldestSeconds: number
  readonly deadLetters: number
  /** Unfinished deliveries, and those among them that are due. Both are counted up to `mostCounted`. */
  readonly deliveriesPending: number
  readonly deliveriesDue: number
  /** How long the delivery that has been due the longest has been waiting. */
  readonly deliveryOldestDueSeconds: number
  /** Since the installation began, as far as the hourly counts go back. */
  readonly delivered: number
  readonly failed: number
  readonly attempts: number
  /** Integrations by status. One whose webhook was disabled counts among those in status ERROR. */
  readonly integrationsActive: number
  readonly integrationsInactive: number
  readonly integrationsError: number
  /** Sync runs that are being worked on, and those that wait for their provider. */
  readonly syncsRunning: number
  readonly syncsWaiting: number
}

/** Nobody needs the exact length of a longer queue, and counting it would cost more than it tells. */
const mostCounted = 1_000_000

export class GaugeRepo extends Context.Service<
  GaugeRepo,
  { readonly read: Effect.Effect<Gauges, SqlError>; readonly ping: Effect.Effect<void, SqlError> }
>()("nexus/telemetry/GaugeRepo") {
  static readonly layer = Layer.effect(
    GaugeRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      return GaugeRepo.of({
        ping: Effect.asVoid(sql`SELECT 1`),
        read: Effect.gen(function* () {
          const rows = yield* sql<Gauges>`
            SELECT
              (SELECT count(*)::float8 FROM (SELECT FROM nexus.outbox LIMIT ${mostCounted}) AS _) AS outbox_rows,
              (SELECT coalesce(extract(epoch FROM now() - created_at), 0)::float8
                FROM (SELECT min(created_at) AS created_at FROM (SELECT created_at FROM nexus.outbox ORDER BY id LIMIT 1) AS _) AS _
              ) AS outbox_oldest_seconds,
              (SELECT count(*)::float8 FROM (SELECT FROM nexus.dead_letter LIMIT ${mostCounted}) AS _) AS dead_letters,
              pending AS deliveries_pending, due AS deliveries_due, oldest AS delivery_oldest_due_seconds,
              delivered, failed, attempts,
              active AS integrations_active, inactive AS integrations_inactive, error AS integrations_error,
              running AS syncs_running, waiting AS syncs_waiting
            FROM (
              SELECT count(*)::float8 AS pending, (count(*) FILTER (WHERE next_attempt_at <= now()))::float8 AS due,
                greatest(0, coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0))::float8 AS oldest
              FROM (SELECT next_attempt_at FROM nexus.delivery LIMIT ${mostCounted}) AS _
            ) AS delivery, (
              SELECT coalesce(sum(delivered), 0)::float8 AS delivered, coalesce(sum(failed), 0)::float8 AS failed,
                coalesce(sum(attempts), 0)::float8 AS attempts
              FROM nexus.webhook_stat
            ) AS stat, (
              SELECT (count(*) FILTER (WHERE shown = 'ACTIVE'))::float8 AS active,
                (count(*) FILTER (WHERE shown = 'INACTIVE'))::float8 AS inactive,
                (count(*) FILTER (WHERE shown = 'ERROR'))::float8 AS error
              FROM (
                SELECT CASE WHEN status = 'ACTIVE' AND EXISTS (
                  SELECT FROM nexus.webhook_subscription AS webhook
                  WHERE webhook.user_id = integration.user_id AND managed_by = provider AND NOT is_active
                ) THEN 'ERROR' ELSE status END AS shown
                FROM nexus.integration LIMIT ${mostCounted}
              ) AS _
            ) AS integrations, (
              SELECT (count(*) FILTER (WHERE state = 'RUNNING'))::float8 AS running,
                (count(*) FILTER (WHERE state = 'WAITING'))::float8 AS waiting
              FROM nexus.sync_run WHERE state IN ('RUNNING', 'WAITING')
            ) AS syncs`
          return yield* Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)
        })
      })
    })
  )
}
