import { Context, Effect, Layer, Schedule } from "effect"
import type { WebhookId } from "../domain/Ids.ts"
import type { Outcome } from "./Outcome.ts"
import { StatRepo, type Tally } from "./StatRepo.ts"

/**
 * Counts outcomes in memory and adds them to the database once a second, and once more at the end. A crash loses at
 * most a second of the charts, and nothing of the history: a write for every delivery would cost more than it tells.
 */
export class Statistics extends Context.Service<Statistics, { count(outcomes: ReadonlyArray<Outcome>): void }>()(
  "nexus/webhooks/Statistics"
) {
  static readonly layer = Layer.effect(
    Statistics,
    Effect.gen(function* () {
      const repo = yield* StatRepo
      let tallies = new Map<WebhookId, Tally>()

      const flush = Effect.suspend(() => {
        if (tallies.size === 0) return Effect.void
        const counted = tallies
        tallies = new Map()
        return repo.add(counted)
      }).pipe(
        Effect.catchTag("SqlError", (error) => Effect.logWarning(`A second of statistics was lost: ${error.message}`))
      )

      yield* Effect.addFinalizer(() => flush)
      yield* flush.pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)

      return Statistics.of({
        count: (outcomes) => {
          for (const { attempt, verdict } of outcomes) {
            const tally = tallies.get(attempt.claim.webhookId) ?? { ...nothing }
            tallies.set(attempt.claim.webhookId, tally)
            const millis = attempt.durationMillis
            if (verdict._tag === "Delivered") tally.delivered++
            if (verdict._tag === "Failed") tally.failed++
            tally.attempts++
            tally.durationSumMillis += millis
            if (millis <= 100) tally.within100Millis++
            if (millis <= 500) tally.within500Millis++
            if (millis <= 1000) tally.within1Second++
            if (millis <= 5000) tally.within5Seconds++
          }
        }
      })
    })
  )
}

const nothing: Tally = {
  delivered: 0,
  failed: 0,
  attempts: 0,
  durationSumMillis: 0,
  within100Millis: 0,
  within500Millis: 0,
  within1Second: 0,
  within5Seconds: 0
}
