import { Effect, Layer } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { CurrentUser } from "../api/Authentication.ts"
import { TooManyRequests } from "../api/RequestErrors.ts"
import { UserRateLimit } from "../api/RequestRules.ts"
import { type Allowance, RequestLimits } from "./RequestLimits.ts"

/** Fails past the limit; in any case the answer says how much is left. `what` is counted, in words. */
export const enforce = Effect.fnUntraced(function* (allowance: Allowance, what = "requests") {
  yield* HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(HttpServerResponse.setHeaders(response, headers(allowance)))
  )
  if (!allowance.isExceeded) return
  return yield* new TooManyRequests({ limit: allowance.limit, what, retryAfter: allowance.resetSeconds })
})

/** `RateLimit` and `RateLimit-Policy` as in draft-ietf-httpapi-ratelimit-headers-10; `Retry-After` as in RFC 9110. */
const headers = ({ limit, remaining, resetSeconds, isExceeded }: Allowance) => ({
  ratelimit: `"default";r=${remaining};t=${resetSeconds}`,
  "ratelimit-policy": `"default";q=${limit};w=60`,
  ...(isExceeded ? { "retry-after": String(resetSeconds) } : {})
})

/** Counts the requests of each user. */
export const UserRateLimitLayer = Layer.effect(
  UserRateLimit,
  Effect.gen(function* () {
    const limits = yield* RequestLimits
    return UserRateLimit.of(
      Effect.fnUntraced(function* (httpEffect) {
        const { userId } = yield* CurrentUser
        yield* enforce(yield* limits.ofUser(userId))
        return yield* httpEffect
      })
    )
  })
)
