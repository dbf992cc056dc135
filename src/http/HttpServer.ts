import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer, type HttpServerError, UrlParams } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { OAuthClients } from "../oauth/OAuthClients.ts"
import { redirectUriWarnings } from "../oauth/RedirectUris.ts"
import { port } from "../PublicUrl.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { AuditLogHandlers } from "./AuditLogHandlers.ts"
import { AdminOnlyLayer, AuthenticationLayer } from "./Authentication.ts"
import { BrowserSessions } from "./BrowserSessions.ts"
import { ContactsHandlers } from "./ContactsHandlers.ts"
import { DeadLettersHandlers } from "./DeadLettersHandlers.ts"
import { DeliveriesHandlers } from "./DeliveriesHandlers.ts"
import { DocsLayer } from "./Docs.ts"
import { EventsHandlers } from "./EventsHandlers.ts"
import { HealthHandlers } from "./HealthHandlers.ts"
import { IdempotencyLayer } from "./Idempotency.ts"
import { IdempotencyRepo } from "./IdempotencyRepo.ts"
import { IntegrationsHandlers } from "./IntegrationsHandlers.ts"
import { OAuthHandlers } from "./OAuthHandlers.ts"
import { PagesLayer } from "./Pages.ts"
import { Readiness } from "./Readiness.ts"
import { RequestLimits } from "./RequestLimits.ts"
import { RequestPipelineLayer } from "./RequestPipeline.ts"
import { SessionHandlers } from "./SessionHandlers.ts"
import { SessionRepo } from "./SessionRepo.ts"
import { Site } from "./Site.ts"
import { SweepLayer } from "./Sweep.ts"
import { UserRateLimitLayer } from "./UserRateLimit.ts"
import { ValidationLayer } from "./Validation.ts"
import { WebhooksHandlers } from "./WebhooksHandlers.ts"

/** The server can't listen where it is told to; the message says what to do. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  message: Schema.String,
  cause: Schema.Defect()
}) {}

const Handlers = Layer.mergeAll(
  WebhooksHandlers,
  DeliveriesHandlers,
  EventsHandlers,
  DeadLettersHandlers,
  ContactsHandlers,
  AuditLogHandlers,
  HealthHandlers,
  IntegrationsHandlers,
  OAuthHandlers,
  SessionHandlers
).pipe(Layer.provide(RequestLimits.layer))

const RequestRules = Layer.mergeAll(
  AuthenticationLayer,
  AdminOnlyLayer,
  PagesLayer,
  UserRateLimitLayer,
  ValidationLayer,
  IdempotencyLayer
).pipe(Layer.provide([RequestLimits.layer, IdempotencyRepo.layer]))

/** Who is signed in with a browser, and where browsers find this service. */
const Browsers = Layer.mergeAll(Site.layer, BrowserSessions.layer, SweepLayer).pipe(Layer.provide(SessionRepo.layer))

/** Says at start where providers send browsers that can't be known again there. */
const RedirectUrisLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const providers = yield* (yield* PluginRegistry).all
    for (const warning of yield* redirectUriWarnings(providers, yield* OAuthClients)) yield* Effect.logWarning(warning)
  })
)

/** A query may hold a code, a state or a cursor, so no trace has any of it; nor has the log. */
const RedactedQueries = Layer.succeed(UrlParams.CurrentRedactedNames, [/^/])

/** Every route of the API, `/openapi.json` and `/docs`, and what all requests go through. */
export const ApiRoutesLayer = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide(Handlers),
    Layer.provide([RequestRules, Readiness.layer]),
    Layer.provide(Browsers)
  ),
  DocsLayer,
  RedirectUrisLayer,
  RequestPipelineLayer
)

/** Where to listen: `HOST`, by default this machine alone, and `PORT`, 3001 by default. */
export const listenOptions = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port
})

/** Listens, and on stopping takes no new requests and lets those under way finish. */
export const ListenerLayer = Layer.unwrap(
  Effect.map(listenOptions, (options) =>
    Layer.effect(
      HttpServer.HttpServer,
      Effect.mapError(
        NodeHttpServer.make(() => createServer({ requestTimeout: 60_000 }), {
          ...options,
          gracefulShutdownTimeout: "15 seconds"
        }),
        (error) => explain(error, options)
      )
    )
  )
).pipe(Layer.merge(NodeHttpServer.layerHttpServices))

const reasons: Record<string, (host: string, port: number) => string> = {
  EADDRINUSE: (_, port) => `Port ${port} is taken by another program. Set PORT to a free one`,
  EACCES: (_, port) => `Port ${port} is not for this user. Set PORT to one above 1023`,
  EADDRNOTAVAIL: (host) => `This machine has no address ${host}. Set HOST to one that it has, or to 0.0.0.0 for all`,
  ENOTFOUND: (host) => `There is no host ${host}. Set HOST to an address of this machine`
}

const Coded = Schema.is(Schema.Struct({ code: Schema.String }))

const explain = ({ cause }: HttpServerError.ServeError, { host, port }: { host: string; port: number }) => {
  const reason = Coded(cause) ? reasons[cause.code]?.(host, port) : undefined
  return new CannotListen({ message: reason ?? `The server can't listen on ${host}:${port}: ${String(cause)}`, cause })
}

/** The server with all its routes. Gives the `HttpServer` too, which knows its address. */
export const HttpServerLayer = HttpRouter.serve(ApiRoutesLayer, { disableLogger: true }).pipe(
  Layer.provideMerge(ListenerLayer),
  Layer.provide(RedactedQueries)
)
