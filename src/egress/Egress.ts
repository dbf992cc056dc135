import { NodeDns } from "@effect/platform-node"
import { Context, type Duration, Effect, Layer, Result } from "effect"
import { Dns, type IpNetwork } from "effect/net"
import { AddressGuard } from "./AddressGuard.ts"
import { allowList, loopback } from "./AllowList.ts"
import { EgressError } from "./EgressError.ts"
import { Exchange } from "./Exchange.ts"
import { ForbiddenUrl } from "./ForbiddenUrl.ts"
import { makeGuardedLookup } from "./GuardedLookup.ts"
import { makeOriginPools } from "./OriginPools.ts"
import { parseTarget, type Target } from "./Target.ts"

/** A request to anywhere. Header values go out as they are; `host` and `content-length` are set from URL and body. */
export interface EgressRequest {
  readonly url: string
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** For the whole exchange: waiting for a connection, dialling, sending, headers and body. A number is milliseconds. */
  readonly timeout: Duration.Input
  /** How many bytes of the answer's body are kept; with more to come, the connection is closed there. */
  readonly maxBody: number
}

/** An answer, whatever its status. A redirect is an answer like any other and is not followed. */
export interface EgressResponse {
  readonly status: number
  /** Names in lower case; the first 64 headers and 8 KiB. */
  readonly headers: Readonly<Record<string, string>>
  /** The first `maxBody` bytes, read as UTF-8 with replacement characters where they are not. */
  readonly body: string
  /** Whether the body went on, or was still coming when time was over or the connection broke. */
  readonly truncated: boolean
  /** From the call to the end of the body, in milliseconds and fractions of them. */
  readonly millis: number
}

export interface EgressOptions {
  /** Networks that may be reached beside public addresses, also by http. */
  readonly allow: ReadonlyArray<IpNetwork.IpNetwork>
  /** Connections to one origin at once, 64 by default; more requests wait for one. */
  readonly connections?: number
}

/** How many parsed URLs are remembered; past that it starts anew, which costs one parse for each. */
const maxTargets = 10_000

/**
 * The only door to the network. Whatever the spelling of a URL and whatever DNS answers, a request goes to a public
 * address by https, or to an address that the operator allowed.
 *
 * The address that is judged is the address that is dialled: addresses in URLs are judged when the URL is parsed (for
 * them no lookup happens), names at every dial by the lookup that the socket uses. A connection that is kept alive was
 * judged when it was dialled. Proxy variables of the environment are not used.
 */
export class Egress extends Context.Service<
  Egress,
  {
    /**
     * Says early whether `request` would refuse the URL, by the same code. A name that DNS does not know (yet), or does
     * not answer for within five seconds, passes here: the record may come later, and the dial judges it anyway.
     */
    check(url: string): Effect.Effect<void, ForbiddenUrl>
    /**
     * Sends a request and reads the answer. A status decides: a body that comes slowly, never ends, breaks off or is
     * longer than `maxBody` is a success with `truncated`, and its connection is closed. Interruption closes it too.
     */
    request(request: EgressRequest): Effect.Effect<EgressResponse, EgressError>
  }
>()("nexus/egress/Egress") {
  /** With explicit options, on the `Dns` of the caller. */
  static readonly layerWith = (options: EgressOptions): Layer.Layer<Egress, never, Dns.Dns> =>
    Layer.effect(
      Egress,
      Effect.gen(function* () {
        const guard = new AddressGuard(options.allow)
        const lookup = yield* makeGuardedLookup(yield* Dns.Dns, guard)
        const pools = yield* makeOriginPools(lookup, options.connections ?? 64)
        const targets = new Map<string, Target>()

        const target = (url: string): Result.Result<Target, ForbiddenUrl> => {
          const known = targets.get(url)
          if (known !== undefined) return Result.succeed(known)
          const parsed = parseTarget(url, guard)
          if (Result.isSuccess(parsed)) {
            if (targets.size >= maxTargets) targets.clear()
            targets.set(url, parsed.success)
          }
          return parsed
        }

        return Egress.of({
          check: Effect.fn("Egress.check")(function* (url) {
            const { literal, host, secure } = yield* Effect.fromResult(target(url))
            if (literal) return
            yield* lookup.resolve(host, secure).pipe(
              Effect.timeoutOption("5 seconds"),
              // In clear text only what the operator allowed may be reached, and nobody can say that of an unknown name.
              Effect.catchTag("Unreachable", () =>
                secure ? Effect.void : Effect.fail(new ForbiddenUrl({ reason: "scheme" }))
              )
            )
          }),
          request: (request) =>
            Effect.callback((resume) => {
              const parsed = target(request.url)
              if (Result.isFailure(parsed)) return resume(Effect.fail(new EgressError({ reason: parsed.failure })))
              const pool = pools.of(parsed.success)
              const exchange = new Exchange(request, parsed.success, pool, resume)
              pool.send(exchange)
              return Effect.sync(() => exchange.cancel())
            })
        })
      })
    )

  /** With the networks of `NEXUS_EGRESS_ALLOW` beside public addresses. */
  static readonly layer = Layer.unwrap(Effect.map(allowList, (allow) => Egress.layerWith({ allow }))).pipe(
    Layer.provide(NodeDns.layer)
  )

  /** The same, with this machine's loopback allowed as well. */
  static readonly layerDevelopment = Layer.unwrap(
    Effect.map(allowList, (allow) => Egress.layerWith({ allow: [...loopback, ...allow] }))
  ).pipe(Layer.provide(NodeDns.layer))
}
