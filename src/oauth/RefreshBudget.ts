import { Clock, DateTime, Duration, Effect, RcMap } from "effect"
import type { OAuthProvider } from "../plugin/Provider.ts"
import { rateLimited } from "../plugin/ProviderError.ts"

/** For how long refreshes are remembered after the last one; longer than any window. */
const memory = "1 hour"

/**
 * Keeps refreshes to what the provider gives for one refresh token: a provider that refuses every new token would
 * otherwise be asked for another one with each call. It lives in the process, as the pace of requests does.
 */
export const makeRefreshBudget = Effect.gen(function* () {
  /** When the last refreshes of a connection began, in milliseconds. */
  const begun = yield* RcMap.make({
    lookup: (_: string) => Effect.sync((): Array<number> => []),
    idleTimeToLive: memory
  })

  /** Counts a refresh of a connection that is about to be; `RateLimited` when the provider would give no token. */
  return Effect.fnUntraced(function* ({ name, oauth: { refreshLimit } }: OAuthProvider, connection: string) {
    if (refreshLimit === undefined) return
    const { limit, window } = refreshLimit
    const times = yield* RcMap.get(begun, connection)
    const now = yield* Clock.currentTimeMillis
    const windowMillis = Duration.toMillis(window)
    const oldest = times.length >= limit ? times[0] : undefined
    if (oldest !== undefined && oldest + windowMillis > now) {
      return yield* rateLimited(
        `${name} was asked for ${limit} new tokens in a short time, and gives no more for the moment`,
        DateTime.makeUnsafe(oldest + windowMillis)
      )
    }
    times.push(now)
    if (times.length > limit) times.shift()
  }, Effect.scoped)
})
