import { Clock, Duration, Effect } from "effect"

/**
 * A clock that sleeps in no time: whoever sleeps goes on at once, and finds that so much time has passed. With it a
 * plugin is seen to wait for minutes, in milliseconds. Requests are real and keep their own deadline, which is none of
 * Effect's clock.
 */
export const makeJumpingClock: Effect.Effect<Clock.Clock> = Effect.map(Clock.Clock, (real) => {
  let ahead = 0
  const millis = () => real.currentTimeMillisUnsafe() + ahead
  const nanos = () => BigInt(Math.round(ahead)) * 1_000_000n
  const currentTimeNanosUnsafe = () => real.currentTimeNanosUnsafe() + nanos()
  const monotonicTimeNanosUnsafe = () => real.monotonicTimeNanosUnsafe() + nanos()
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe,
    monotonicTimeNanos: Effect.sync(monotonicTimeNanosUnsafe),
    sleep: (duration) =>
      Effect.suspend(() => {
        const until = millis() + Duration.toMillis(duration)
        // Those that sleep side by side sleep at the same time, not one after the other.
        return Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => {
            ahead += Math.max(0, until - millis())
          })
        )
      })
  }
})
