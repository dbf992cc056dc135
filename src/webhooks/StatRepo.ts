/** Counts deliveries by webhook and hour. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { WebhookId } from "../domain/Ids.ts"

/** What happened at one webhook since the last count. Durations are those of attempts that were answered or gave up. */
export interface Tally {
  delivered: number
  failed: number
  attempts: number
  durationSumMillis: number
  within100Millis: number
  within500Millis: number
  within1Second: number
  within5Seconds: number
}

export class StatRepo extends Context.Service<
  StatRepo,
  {
    /** Adds tallies to the current hour. */
    add(tallies: ReadonlyMap<WebhookId, Tally>): Effect.Effect<void, SqlError>
  }
>()("nexus/webhooks/StatRepo") {
  static readonly layer = Layer.effect(
    StatRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      return StatRepo.of({
        add: Effect.fnUntraced(function* (tallies: ReadonlyMap<WebhookId, Tally>) {
          // In the order of ids, so that two dispatchers never wait for each other in a circle.
          const rows = Array.from(tallies).sort(([a], [b]) => (a < b ? -1 : 1))
          const column = (value: (tally: Tally) => number) => rows.map(([, tally]) => Math.round(value(tally)))
          yield* sql`
            INSERT INTO nexus.webhook_stat AS stat (webhook_id, hour, delivered, failed, attempts, duration_sum_ms,
              within_100_ms, within_500_ms, within_1_s, within_5_s)
            SELECT webhook_id, date_trunc('hour', now(), 'UTC'), delivered, failed, attempts, duration_sum_ms,
              within_100_ms, within_500_ms, within_1_s, within_5_s
            FROM unnest(
              ${rows.map(([id]) => id)}::text[]::uuid[], ${column((_) => _.delivered)}::int[], ${column((_) => _.failed)}::int[],
              ${column((_) => _.attempts)}::int[], ${column((_) => _.durationSumMillis)}::int[],
              ${column((_) => _.within100Millis)}::int[], ${column((_) => _.within500Millis)}::int[],
              ${column((_) => _.within1Second)}::int[], ${column((_) => _.within5Seconds)}::int[]
            ) AS _ (webhook_id, delivered, failed, attempts, duration_sum_ms,
              within_100_ms, within_500_ms, within_1_s, within_5_s)
            ON CONFLICT (webhook_id, hour) DO UPDATE SET
              delivered = stat.delivered + excluded.delivered, failed = stat.failed + excluded.failed,
              attempts = stat.attempts + excluded.attempts,
              duration_sum_ms = stat.duration_sum_ms + excluded.duration_sum_ms,
              within_100_ms = stat.within_100_ms + excluded.within_100_ms,
              within_500_ms = stat.within_500_ms + excluded.within_500_ms,
              within_1_s = stat.within_1_s + excluded.within_1_s, within_5_s = stat.within_5_s + excluded.within_5_s`
        })
      })
    })
  )
}
