import { Clock, Effect, Metric, Option } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { type Notes, RequestNotes } from "./RequestNotes.ts"

const requests = Metric.counter("nexus_http_requests_total", {
  description: "HTTP requests by route, method and status",
  incremental: true
})
const durations = Metric.histogram("nexus_http_request_duration_seconds", {
  description: "How long HTTP requests took, by route",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

/** What machines ask for every few seconds. */
const quiet = new Set(["/healthz", "/readyz", "/metrics"])

/** One line in the log for each request, and its metrics. No header, no query and no body: they may hold secrets. */
export const logRequest = Effect.fnUntraced(function* <E, R>(
  handled: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) {
  const notes: Notes = {}
  const request = yield* HttpServerRequest.HttpServerRequest
  const begin = yield* Clock.currentTimeMillis
  return yield* handled.pipe(
    Effect.provideService(RequestNotes, notes),
    Effect.onExit((exit) => record(request, notes, begin, exit._tag === "Success" ? exit.value.status : 499))
  )
})

const record = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  { route, userId }: Notes,
  begin: number,
  status: number
) {
  const durationMs = (yield* Clock.currentTimeMillis) - begin
  const known = route ?? "none"
  yield* Metric.update(
    Metric.withAttributes(requests, { route: known, method: request.method, status: String(status) }),
    1
  )
  yield* Metric.update(Metric.withAttributes(durations, { route: known }), durationMs / 1000)
  const log = quiet.has(known) ? Effect.logDebug("Request") : Effect.logInfo("Request")
  yield* Effect.annotateLogs(log, {
    method: request.method,
    route: known,
    status,
    durationMs,
    userId: userId ?? null,
    address: Option.getOrNull(request.remoteAddress)
  })
})
