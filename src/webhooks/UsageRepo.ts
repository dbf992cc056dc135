/** Reads the hourly counts of webhooks. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { WebhookId } from "../domain/Ids.ts"

export interface UsageRow {
  readonly hour: Date
  readonly delivered: number
  readonly failed: number
  readonly attempts: number
  readonly durationSumMs: number
  readonly within100Ms: number
  readonly within500Ms: number
  readonly within1S: number
  readonly within5S: number
}

export class UsageRepo extends Context.Service<
  UsageRepo,
  {
    /** The counts of the last hours, the current one among them; the oldest first. */
    hours(webhookId: WebhookId, hours: number): Effect.Effect<ReadonlyArray<UsageRow>, SqlError>
  }
>()("nexus/webhooks/UsageRepo") {
  static readonly layer = Layer.effect(
    UsageRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      return UsageRepo.of({
        hours: (webhookId, hours) => sql<UsageRow>`
          SELECT hour, delivered::float8 AS delivered, failed::float8 AS failed, attempts::float8 AS attempts,
            duration_sum_ms::float8 AS duration_sum_ms, within_100_ms::float8 AS within_100_ms,
            within_500_ms::float8 AS within_500_ms, within_1_s::float8 AS within_1_s, within_5_s::float8 AS within_5_s
          FROM nexus.webhook_stat
          WHERE webhook_id = ${webhookId}::uuid AND hour > now() - ${hours} * interval '1 hour'
          ORDER BY hour`
      })
    })
  )
}
