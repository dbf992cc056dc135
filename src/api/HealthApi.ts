import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { UnauthenticatedProblem } from "./RequestErrors.ts"

/** The process is alive. */
export class Alive extends Schema.Class<Alive>("Alive")({ status: Schema.Literal("ok") }) {}

/** How one thing that the service needs is doing; `problem` says what is wrong, for operators. */
export const Part = Schema.Struct({ ok: Schema.Boolean, problem: Schema.optionalKey(Schema.String) })
export type Part = typeof Part.Type

/** Whether the process can do its work, and if not, what is missing. */
export const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "not ready"]),
  parts: Schema.Struct({ database: Part, migrations: Part, dispatcher: Part })
})
export type Readiness = typeof Readiness.Type

/** For load balancers and monitoring. */
export class HealthApi extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("alive", "/healthz", { success: Alive }).annotate(
      OpenApi.Summary,
      "200 as long as the process lives"
    ),
    HttpApiEndpoint.get("ready", "/readyz", {
      success: [
        Readiness.mapFields((fields) => ({ ...fields, status: Schema.Literal("ready") })),
        Readiness.mapFields((fields) => ({ ...fields, status: Schema.Literal("not ready") })).pipe(
          HttpApiSchema.status(503)
        )
      ]
    }).annotate(OpenApi.Summary, "200 when the process can do its work, else 503"),
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain; version=0.0.4; charset=utf-8" })),
      error: UnauthenticatedProblem
    }).annotate(OpenApi.Summary, "Metrics for Prometheus; from loopback, or with the token of NEXUS_METRICS_TOKEN")
  )
  .annotateMerge(OpenApi.annotations({ title: "Health" })) {}
