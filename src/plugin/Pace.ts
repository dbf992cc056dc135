import { Clock, Duration, Effect, Semaphore } from "effect"
import type { Limits } from "./Provider.ts"

/** Keeps the requests of one integration to what its provider takes. */
export interface Pace {
  /** Runs a request when its turn has come. */
  paced<A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
  /** Holds back every request that has not begun for this long, and the caller too. */
  pause(wait: Duration.Duration): Effect.Effect<void>
}

/**
 * A pace of its own for one integration: so many requests in flight, so many in any window of time. It lives in the
 * process; two processes that work for one integration at the same moment share nothing but the provider's patience.
 */
export const makePace = Effect.fnUntraced(function* ({ concurrency, requests }: Limits) {
  const semaphore = yield* Semaphore.make(concurrency)
  const windowMillis = requests === undefined ? 0 : Duration.toMillis(requests.window)
  /** When each of the last requests began, in milliseconds: as many as fit into a window. */
  const begun: Array<number> = []
  let pausedUntil = 0

  const turn: Effect.Effect<void> = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const oldest = requests !== undefined && begun.length >= requests.limit ? begun[0] : undefined
    const at = Math.max(pausedUntil, oldest === undefined ? 0 : oldest + windowMillis)
    if (at > now) {
      yield* Effect.sleep(at - now)
      return yield* turn
    }
    if (requests === undefined) return
    begun.push(now)
    if (begun.length > requests.limit) begun.shift()
  })

  return {
    paced: (request) => semaphore.withPermit(Effect.andThen(turn, request)),
    pause: Effect.fnUntraced(function* (wait: Duration.Duration) {
      pausedUntil = Math.max(pausedUntil, (yield* Clock.currentTimeMillis) + Duration.toMillis(wait))
      yield* Effect.sleep(wait)
    })
  } satisfies Pace
})
