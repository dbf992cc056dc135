import { Context, DateTime, Effect, Layer } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { UserId } from "../domain/Ids.ts"
import type { WebhookNotFound } from "../domain/WebhookErrors.ts"
import { WebhookStats } from "../domain/WebhookStats.ts"
import { UsageRepo, type UsageRow } from "./UsageRepo.ts"
import { WebhookRepo } from "./WebhookRepo.ts"

/** How webhooks have been doing, from the hourly counts. */
export class Usage extends Context.Service<
  Usage,
  {
    of(userId: UserId, webhookId: string, range: WebhookStats["range"]): Effect.Effect<WebhookStats, WebhookNotFound>
  }
>()("nexus/webhooks/Usage") {
  static readonly layer = Layer.effect(
    Usage,
    Effect.gen(function* () {
      const webhooks = yield* WebhookRepo
      const repo = yield* UsageRepo
      const transaction = yield* makeUserTransactions

      return Usage.of({
        of: Effect.fn("Usage.of")(
          function* (userId, webhookId, range) {
            const rows = yield* transaction(
              userId,
              Effect.gen(function* () {
                const { id } = yield* webhooks.get(userId, webhookId)
                return yield* repo.hours(id, hoursOf[range])
              })
            )
            return new WebhookStats({
              range,
              total: counts(rows.reduce(add, nothing)),
              hours: rows.map((row) => ({ hour: DateTime.fromDateUnsafe(row.hour), ...counts(row) }))
            })
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

const hoursOf = { "24h": 24, "7d": 7 * 24, "30d": 30 * 24 }

type Counts = Omit<UsageRow, "hour">

const nothing: Counts = {
  delivered: 0,
  failed: 0,
  attempts: 0,
  durationSumMs: 0,
  within100Ms: 0,
  within500Ms: 0,
  within1S: 0,
  within5S: 0
}

const add = (a: Counts, b: Counts): Counts => ({
  delivered: a.delivered + b.delivered,
  failed: a.failed + b.failed,
  attempts: a.attempts + b.attempts,
  durationSumMs: a.durationSumMs + b.durationSumMs,
  within100Ms: a.within100Ms + b.within100Ms,
  within500Ms: a.within500Ms + b.within500Ms,
  within1S: a.within1S + b.within1S,
  within5S: a.within5S + b.within5S
})

const counts = ({ delivered, failed, attempts, durationSumMs, ...within }: Counts) => ({
  delivered,
  failed,
  attempts,
  successRate: delivered + failed === 0 ? null : delivered / (delivered + failed),
  averageDurationMs: attempts === 0 ? null : durationSumMs / attempts,
  within: {
    "100ms": within.within100Ms,
    "500ms": within.within500Ms,
    "1s": within.within1S,
    "5s": within.within5S
  }
})
