import { createHash, timingSafeEqual } from "node:crypto"
import { Config, Effect, Option, Redacted } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import ipaddr from "ipaddr.js"
import { Api } from "../api/Api.ts"
import { Alive } from "../api/HealthApi.ts"
import { Unauthenticated } from "../api/RequestErrors.ts"
import { GaugeRepo } from "../telemetry/GaugeRepo.ts"
import { prometheusText } from "../telemetry/PrometheusText.ts"
import { Readiness } from "./Readiness.ts"

export const HealthHandlers = HttpApiBuilder.group(
  Api,
  "health",
  Effect.fn(function* (handlers) {
    const readiness = yield* Readiness
    const repo = yield* GaugeRepo
    const token = yield* Config.option(Config.Redacted("NEXUS_METRICS_TOKEN"))

    return handlers.handleAll({
      alive: () => Effect.succeed(new Alive({ status: "ok" })),
      ready: () =>
        Effect.map(readiness.report, (report) =>
          HttpServerResponse.jsonUnsafe(report, { status: report.status === "ready" ? 200 : 503 })
        ),
      metrics: Effect.fnUntraced(function* ({ request }) {
        if (!(isLocal(request) || carries(request, token))) {
          return yield* new Unauthenticated({
            reason: "Metrics are open on loopback only; elsewhere they need the token of NEXUS_METRICS_TOKEN"
          })
        }
        return yield* prometheusText(repo)
      })
    })
  })
)

/** A proxy on this machine forwards what comes from elsewhere. */
const isLocal = ({ remoteAddress, headers }: HttpServerRequest.HttpServerRequest) =>
  headers["x-forwarded-for"] === undefined &&
  headers.forwarded === undefined &&
  Option.exists(remoteAddress, (address) => ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback")

const carries = ({ headers }: HttpServerRequest.HttpServerRequest, token: Option.Option<Redacted.Redacted<string>>) =>
  Option.exists(token, (token) => {
    const digest = (text: string) => createHash("sha256").update(text).digest()
    return timingSafeEqual(digest(headers.authorization ?? ""), digest(`Bearer ${Redacted.value(token)}`))
  })
