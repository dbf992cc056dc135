/** The HTTP client of one integration, as its plugin gets it. */
import { DateTime, Duration, Effect, Option } from "effect"
import { HttpClient, type HttpClientRequest, HttpClientResponse, Url } from "effect/http"
import type { EgressRequest, EgressResponse } from "../egress/Egress.ts"
import { Egress } from "../egress/Egress.ts"
import type { Hosts } from "./Hosts.ts"
import type { Pace } from "./Pace.ts"
import type { Provider } from "./Provider.ts"
import { misconfigured, type ProviderError, quotaExhausted, rateLimited, unavailable } from "./ProviderError.ts"

/** For one exchange, waiting for a connection included. Mailchimp and Salesforce work up to two minutes on a batch. */
const timeout = Duration.minutes(2)
/** Bytes of an answer that are read. A page of a thousand contacts with all fields stays far below. */
const maxBody = 32 * 1024 * 1024
/** How often a throttled request is tried, the first time included. */
const attempts = 6
/** The longest wait that a request sits out; past it the caller learns until when. */
const longestWait = Duration.minutes(2)

/** Makes the client of an integration. It keeps to `pace`, which all clients of the integration share. */
export const makeProviderHttp = Effect.fnUntraced(function* (
  provider: Pick<Provider, "name" | "limits">,
  hosts: Hosts,
  pace: Pace
) {
  const egress = yield* Egress

  const send = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
    const outgoing = yield* routed(provider.name, hosts, request)
    return yield* egress
      .request(outgoing)
      .pipe(
        Effect.catchTag("EgressError", (error) =>
          Effect.fail(unavailable(`${provider.name} can't be reached: ${error.message}`))
        )
      )
  })

  const execute = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
    for (let attempt = 1; ; attempt++) {
      const answer = yield* pace.paced(send(request))
      const now = yield* DateTime.now
      const throttle = provider.limits.throttled(answer, now)
      if (throttle === undefined) {
        // Half a list reads like a whole one where it is lines. What failed has failed, however its explanation ends.
        if (answer.truncated && answer.status < 300) return yield* unavailable(`${provider.name} broke off its answer`)
        return readable(request, answer)
      }
      const wait =
        throttle.retryAfter === undefined
          ? Duration.seconds(2 ** (attempt - 1))
          : Duration.fromInputUnsafe(throttle.retryAfter)
      const until = throttle.retryAfter === undefined ? null : DateTime.addDuration(now, wait)
      if (throttle.kind === "quota") {
        const detail = `${provider.name} takes no more requests: the account's allowance is used up`
        return yield* quotaExhausted(detail, until)
      }
      if (attempt >= attempts || Duration.isGreaterThan(wait, longestWait)) {
        return yield* rateLimited(`${provider.name} asks to slow down`, until)
      }
      yield* pace.pause(wait)
    }
  })

  return HttpClient.makeWith<ProviderError, never, ProviderError, never>(Effect.flatMap(execute), Effect.succeed)
})

const routed = Effect.fnUntraced(function* (name: string, hosts: Hosts, request: HttpClientRequest.HttpClientRequest) {
  const url = yield* Effect.fromResult(
    Url.make(request.url, request.urlParams, Option.getOrUndefined(request.hash))
  ).pipe(Effect.mapError(() => misconfigured(`${name} has no such address`)))
  const route = hosts.route(url)
  if (Option.isNone(route)) {
    const detail = `${url.host} is none of the hosts that the plugin of ${name} may reach`
    return yield* misconfigured(detail)
  }
  const { body } = request
  if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
    return yield* Effect.die(new Error(`A body of the kind ${body._tag} can't be sent; use text, JSON or bytes`))
  }
  // Credentials with a dash or a quote out of a text program, most often; no client could send them.
  if (!Object.values(request.headers).every((value) => headerValue.test(value))) {
    return yield* misconfigured("the credentials have characters in them that no request can carry; copy them anew")
  }
  const { forwardedHost } = route.value
  return {
    url: route.value.url.href,
    method: yield* method(request.method),
    headers: {
      ...request.headers,
      ...(body._tag === "Uint8Array" ? { "content-type": body.contentType } : {}),
      ...(forwardedHost === null ? {} : { "x-forwarded-host": forwardedHost })
    },
    ...(body._tag === "Uint8Array" ? { body: body.body } : {}),
    timeout,
    maxBody
  } satisfies EgressRequest
})

/** A field value (RFC 9110, section 5.5), of characters that are one byte each. */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const

const method = (wanted: string) =>
  Option.match(Option.fromUndefinedOr(methods.find((method) => method === wanted)), {
    onSome: Effect.succeed,
    onNone: () => Effect.die(new Error(`The method ${wanted} can't be sent`))
  })

/** Statuses that have no body (RFC 9110); a `Response` refuses to have one then. */
const bodiless = new Set([204, 205, 304])

const readable = (request: HttpClientRequest.HttpClientRequest, { status, headers, body }: EgressResponse) =>
  HttpClientResponse.fromWeb(
    request,
    new Response(bodiless.has(status) ? null : body, { status, headers: { ...headers } })
  )
