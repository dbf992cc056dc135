import { DateTime, Duration, Effect, Schedule } from "effect"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { SyncPatience } from "./SyncPatience.ts"

/** Calls to a provider, tried again where that helps. */
export interface ProviderCalls {
  /** Fails only with what trying again now does not mend. */
  call<A>(effect: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError>
}

/** The one place where calls of a sync are retried: plugins and their HTTP client never do. */
export const makeProviderCalls = Effect.gen(function* () {
  const { retries, retryAfter, longestSleep } = yield* SyncPatience

  /** How long to sit out a throttle, if that is short enough. */
  const pause = Effect.fnUntraced(function* (error: ProviderError) {
    if (error.reason._tag !== "RateLimited") return undefined
    const now = yield* DateTime.now
    const wait = error.reason.until === null ? longestSleep : DateTime.distance(now, error.reason.until)
    return Duration.isLessThanOrEqualTo(wait, longestSleep) ? wait : undefined
  })

  const call = <A>(effect: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
    effect.pipe(
      Effect.catchTag("ProviderError", (error) =>
        Effect.flatMap(pause(error), (wait) =>
          wait === undefined ? Effect.fail(error) : Effect.andThen(Effect.sleep(wait), effect)
        )
      ),
      Effect.retry({
        while: ({ reason }) => reason._tag === "Unavailable",
        times: retries,
        schedule: Schedule.exponential(retryAfter)
      })
    )

  return { call } satisfies ProviderCalls
})
