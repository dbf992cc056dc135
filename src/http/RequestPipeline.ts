import { Context, Crypto, Effect, Option } from "effect"
import { FindMyWay, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { cors, corsOrigins } from "./Cors.ts"
import { type AllowedMethods, answerFaults } from "./Faults.ts"
import { withLimitedBody } from "./LimitedBody.ts"
import { logRequest } from "./RequestLog.ts"
import { RequestNotes } from "./RequestNotes.ts"

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]

/** Answers of the API are nobody else's to keep, to frame or to guess the type of. Pages bring their own policies. */
const securityHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store"
}

const secure = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.setHeaders(response, { ...securityHeaders, ...response.headers })

/** What each path takes. HEAD goes wherever GET goes. */
const allowedMethods: AllowedMethods = (() => {
  const router = FindMyWay.make<true>()
  for (const path of ["/docs", "/openapi.json"] as const) router.on("GET", path, true)
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => router.on(endpoint.method, `/${endpoint.path.slice(1)}`, true)
  })
  return (url) =>
    methods
      .filter((method) => router.find(method, url) !== undefined)
      .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
})()

/** Only the router knows the route, and leaves it in the context behind it. */
const noteRoute = Effect.contextWith((context: Context.Context<never>) => {
  const { route } = Option.getOrUndefined(Context.getOption(context, HttpRouter.RouteContext)) ?? {}
  Context.get(context, RequestNotes).route = route?.path
  return Effect.void
})

/** What every request goes through, from the outside in: log, security headers, CORS, faults, the limit of bodies. */
export const RequestPipelineLayer = HttpRouter.middleware(
  Effect.gen(function* () {
    const answer = answerFaults(allowedMethods, yield* Crypto.Crypto)
    const origins = yield* corsOrigins
    const share = origins.length === 0 ? undefined : cors(origins)
    return (handled) => {
      const answered = handled.pipe(
        Effect.ensuring(noteRoute),
        Effect.updateService(HttpServerRequest.HttpServerRequest, withLimitedBody),
        answer
      )
      return (share === undefined ? answered : share(answered)).pipe(Effect.map(secure), logRequest)
    }
  }),
  { global: true }
)
