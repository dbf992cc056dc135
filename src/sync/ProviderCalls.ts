import { DateTime, Duration, Effect, Schedule } from "effect"
import { CallPatience } from "../integrations/CallPatience.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { SyncPatience } from "./SyncPatience.ts"

/** Calls to a provider, tried again where that helps. */
export interface ProviderCalls {
  /** Fails only with what trying again now does not mend. */
  call<A>(effect: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError>
  /** Sits out a throttle, and no more: for uploads, which know by themselves when trying again helps. */
  unhurried<A>(effect: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError>
}

/** The one place where calls of a sync are retried: plugins and their HTTP client never do. */
export const makeProviderCalls = Effect.gen(function* () {
  const { retries, retryAfter } = yield* CallPatience
  const { longestSleep } = yield* SyncPatience

  /** How long to sit out a throttle, if that is short enough. */
  const pause = Effect.fnUntraced(function* (error: ProviderError) {
    if (error.reason._tag !== "RateLimited") return undefined
    const now = yield* DateTime.now
    const wait = error.reason.until === null ? longestSleep : DateTime.distance(now, error.reason.until)
    return Duration.isLessThanOrEqualTo(wait, longestSleep) ? wait : undefined
  })

  const unhurried = <A>(effect: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
    Effect.catchTag(effect, "ProviderError", (error) =>
      Effect.flatMap(pause(error), (wait) =>
        wait === undefined ? Effect.fail(error) : Effect.andThen(Effect.sleep(wait), effect)
      )
    )

  const call = <A>(effect: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
    Effect.retry(unhurried(effect), {
      while: ({ reason }) => reason._tag === "Unavailable",
      times: retries,
      schedule: Schedule.exponential(retryAfter)
    })

  return { call, unhurried } satisfies ProviderCalls
})
