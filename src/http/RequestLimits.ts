import { Clock, Config, Context, Effect, Layer } from "effect"
import ipaddr from "ipaddr.js"
import { Count } from "../domain/Count.ts"

/** What is left of an allowance. */
export interface Allowance {
  readonly limit: number
  /** Requests left in this minute. */
  readonly remaining: number
  /** Whole seconds until the next minute begins. */
  readonly resetSeconds: number
  readonly isExceeded: boolean
}

const windowMillis = 60_000
/** Counters of one minute, at most; beyond them, newcomers share one. */
const mostCounters = 50_000

/** Requests in a minute. */
export const requestLimits = {
  perUser: Config.schema(Count, "NEXUS_REQUESTS_PER_MINUTE").pipe(Config.withDefault(600)),
  syncs: Config.schema(Count, "NEXUS_SYNCS_PER_MINUTE").pipe(Config.withDefault(10)),
  perAddress: Config.schema(Count, "NEXUS_UNAUTHENTICATED_REQUESTS_PER_MINUTE").pipe(Config.withDefault(120))
}

/**
 * Counts requests by the minute, in this process: behind N processes the limits are N times as high. Counters live for
 * a minute and their number is bounded, which is why this is not Effect's `RateLimiter`: its store forgets nothing.
 */
export class RequestLimits extends Context.Service<
  RequestLimits,
  {
    /** Counts a request of a user: `NEXUS_REQUESTS_PER_MINUTE`, 600 by default. */
    ofUser(userId: string): Effect.Effect<Allowance>
    /** Counts a sync of an integration: `NEXUS_SYNCS_PER_MINUTE`, 10 by default. */
    ofSync(userId: string, provider: string): Effect.Effect<Allowance>
    /**
     * Counts a request without a valid token: `NEXUS_UNAUTHENTICATED_REQUESTS_PER_MINUTE`, 120 by default. Requests
     * with one are never counted here, so a flood does not lock out the users behind the same address.
     */
    ofAddress(address: string | null): Effect.Effect<Allowance>
  }
>()("nexus/http/RequestLimits") {
  static readonly layer = Layer.effect(
    RequestLimits,
    Effect.gen(function* () {
      const { perUser, syncs, perAddress } = yield* Config.all(requestLimits)
      const users = yield* makeCounters(perUser)
      const integrations = yield* makeCounters(syncs)
      const addresses = yield* makeCounters(perAddress)
      return RequestLimits.of({
        ofUser: users,
        ofSync: (userId, provider) => integrations(`${provider} ${userId}`),
        ofAddress: (address) => addresses(address === null ? "" : network(address))
      })
    })
  )
}

const makeCounters = Effect.fnUntraced(function* (limit: number) {
  let begin = yield* Clock.currentTimeMillis
  let counts = new Map<string, number>()

  return (key: string) =>
    Effect.map(Clock.currentTimeMillis, (now): Allowance => {
      if (now - begin >= windowMillis) {
        begin = now
        counts = new Map()
      }
      const counter = counts.has(key) || counts.size < mostCounters ? key : ""
      const count = (counts.get(counter) ?? 0) + 1
      counts.set(counter, count)
      return {
        limit,
        remaining: Math.max(0, limit - count),
        resetSeconds: Math.max(1, Math.ceil((begin + windowMillis - now) / 1000)),
        isExceeded: count > limit
      }
    })
})

/** Whom an address stands for: an IPv4 address, or the /64 that one IPv6 subscriber has. */
const network = (address: string): string => {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(":") : parsed.toString()
}
