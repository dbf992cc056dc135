/** When a failed attempt is followed by another. */
import { Clock, Duration, Effect, Schedule } from "effect"

/** 2, 4, 8, 16 seconds after the failure before, and on by doubling for webhooks with a longer policy. */
export const retrySchedule = Schedule.exponential("2 seconds")

/** Most attempts that a webhook's policy may ask for: 16 take 18.2 hours of waiting, 17 would take more than 24. */
export const mostAttempts = 16

/**
 * The schedule, stepped once through: the delay after the nth failure of a round, in milliseconds, at index n - 1.
 * A dispatcher stores the time that follows from it, so a retry survives the process that planned it.
 */
export const retryDelays: Effect.Effect<ReadonlyArray<number>> = Effect.gen(function* () {
  const step = yield* Schedule.toStep(retrySchedule)
  const now = yield* Clock.currentTimeMillis
  const delays: Array<number> = []
  while (delays.length < mostAttempts - 1) {
    const [, delay] = yield* step(now, undefined)
    delays.push(Duration.toMillis(delay))
  }
  return delays
}).pipe(Effect.orDie)
