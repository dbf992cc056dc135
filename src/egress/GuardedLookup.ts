import type { LookupFunction } from "node:net"
import { Cache, Duration, Effect } from "effect"
import { type Dns, NetAddress } from "effect/net"
import { addressesOf } from "./Addresses.ts"
import type { AddressGuard } from "./AddressGuard.ts"
import { ForbiddenUrl } from "./ForbiddenUrl.ts"
import { Unreachable } from "./Unreachable.ts"

const codes: Partial<Record<Dns.DnsErrorReason, string>> = { NotFound: "ENOTFOUND", BadName: "ENOTFOUND" }

type Addresses = ReadonlyArray<NetAddress.IpAddress>

/** Looks names up and lets an answer through only if every address of it may be dialled: one bad one spoils it all. */
export interface GuardedLookup {
  resolve(host: string, secure: boolean): Effect.Effect<Addresses, ForbiddenUrl | Unreachable>
  /** The same as the `lookup` of a socket, which then dials what was judged here and asks nobody again. */
  hook(secure: boolean): LookupFunction
}

/**
 * Builds the lookup on the running `Dns`. Callers who ask for the same name at once share one question; nothing is
 * remembered beyond that.
 */
export const makeGuardedLookup = Effect.fnUntraced(function* (dns: Dns.Dns["Service"], guard: AddressGuard) {
  const shared = yield* Cache.makeWith((host: string) => addressesOf(dns, host), {
    capacity: 10_000,
    timeToLive: () => Duration.zero
  })

  const resolve: GuardedLookup["resolve"] = (host, secure) =>
    Cache.get(shared, host).pipe(
      Effect.mapError((error) => new Unreachable({ host, code: codes[error.reason] ?? "EAI_AGAIN" })),
      Effect.filterOrFail(
        (addresses) => addresses.every((address) => guard.permits(address, secure)),
        () => new ForbiddenUrl({ reason: secure ? "address" : "scheme" })
      )
    )

  const run = Effect.runForkWith(yield* Effect.context<never>())
  const hook: GuardedLookup["hook"] = (secure) => (host, options, callback) => {
    const answer = resolve(host, secure).pipe(
      Effect.match({
        onFailure: (error) => callback(error, []),
        onSuccess: (addresses) => {
          const answers = addresses.map((address) => ({
            address: NetAddress.formatIp(address),
            family: NetAddress.isIpv4Address(address) ? 4 : 6
          }))
          if (options.all) callback(null, answers)
          else callback(null, answers[0]?.address ?? "", answers[0]?.family)
        }
      })
    )
    run(answer)
  }

  return { resolve, hook } satisfies GuardedLookup
})
