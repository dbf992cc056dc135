import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { DeliveryId, EventId } from "../domain/Ids.ts"
import { NewReplay, Replay } from "../domain/Replay.ts"
import { ImportedSecret, NewWebhook, Webhook, WebhookPatch, WebhookWithSecret } from "../domain/Webhook.ts"
import {
  InvalidWebhook,
  ReplayNotFound,
  WebhookLimitReached,
  WebhookManaged,
  WebhookNotFound
} from "../domain/WebhookErrors.ts"
import { WebhookStats } from "../domain/WebhookStats.ts"
import { Authentication } from "./Authentication.ts"
import { Paged, PageQuery, Success } from "./Paging.ts"
import { asProblem } from "./Problem.ts"
import { Idempotency, IdempotencyHeaders, UserRateLimit, Validation } from "./RequestRules.ts"

export const WebhookNotFoundProblem = WebhookNotFound.pipe(asProblem("WebhookNotFound", 404))
const Invalid = InvalidWebhook.pipe(asProblem("InvalidWebhook", 400))
const LimitReached = WebhookLimitReached.pipe(asProblem("WebhookLimitReached", 409))
const Managed = WebhookManaged.pipe(asProblem("WebhookManaged", 409))
const NoReplay = ReplayNotFound.pipe(asProblem("ReplayNotFound", 404))

const id = { id: Schema.String }
const replay = { id: Schema.String, replayId: Schema.String }

/** What `POST …/test` takes; the webhook's first event type is sent when none is named. */
export class TestRequest extends Schema.Class<TestRequest>("TestRequest")({
  eventType: Schema.optionalKey(Schema.String)
}) {}

/** Where to look for what the test did. */
export class TestSent extends Schema.Class<TestSent>("TestSent")({ eventId: EventId, deliveryId: DeliveryId }) {}

/** What `POST …/rotate-secret` takes. */
export class Rotation extends Schema.Class<Rotation>("Rotation")({
  /** For how long the old secret goes on signing beside the new one: 24 hours by default, at most 30 days. */
  overlapSeconds: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_592_000 }))),
  /** A secret made elsewhere; one is made when there is none. */
  secret: Schema.optionalKey(ImportedSecret)
}) {}

/** Bodies that may be left out. */
const orNothing = <S extends Schema.Top>(schema: S) => [schema, Schema.Undefined] as const

/** Subscriptions of a user to event types, at a URL. */
export class WebhooksApi extends HttpApiGroup.make("webhooks")
  .add(
    HttpApiEndpoint.post("create", "/", {
      headers: IdempotencyHeaders,
      payload: NewWebhook,
      success: WebhookWithSecret.pipe(HttpApiSchema.status(201)),
      error: [Invalid, LimitReached]
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Create a webhook; the only answer with its secret, rotation aside"),
    HttpApiEndpoint.get("list", "/", { query: PageQuery, success: Paged(Webhook) }).annotate(
      OpenApi.Summary,
      "List webhooks, the newest first"
    ),
    HttpApiEndpoint.get("get", "/:id", { params: id, success: Webhook, error: WebhookNotFoundProblem }).annotate(
      OpenApi.Summary,
      "Show a webhook"
    ),
    HttpApiEndpoint.patch("update", "/:id", {
      params: id,
      payload: WebhookPatch,
      success: Webhook,
      error: [WebhookNotFoundProblem, Invalid, Managed]
    }).annotate(OpenApi.Summary, "Change, pause or enable a webhook; enabling sends what was held"),
    HttpApiEndpoint.delete("delete", "/:id", {
      params: id,
      success: Success,
      error: [WebhookNotFoundProblem, Managed]
    }).annotate(OpenApi.Summary, "Delete a webhook and what was still to be sent to it"),
    HttpApiEndpoint.post("test", "/:id/test", {
      params: id,
      headers: IdempotencyHeaders,
      payload: orNothing(TestRequest),
      success: TestSent.pipe(HttpApiSchema.status(201)),
      error: [WebhookNotFoundProblem, Invalid]
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Send an event type's example to this webhook alone"),
    HttpApiEndpoint.post("rotateSecret", "/:id/rotate-secret", {
      params: id,
      headers: IdempotencyHeaders,
      payload: orNothing(Rotation),
      success: WebhookWithSecret,
      error: WebhookNotFoundProblem
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Give a webhook a new secret; the old one goes on signing for a while"),
    HttpApiEndpoint.delete("endOverlap", "/:id/previous-secret", {
      params: id,
      success: Webhook,
      error: WebhookNotFoundProblem
    }).annotate(OpenApi.Summary, "Stop signing with the secret before the last rotation"),
    HttpApiEndpoint.get("stats", "/:id/stats", {
      params: id,
      query: { range: Schema.optionalKey(WebhookStats.fields.range) },
      success: WebhookStats,
      error: WebhookNotFoundProblem
    }).annotate(OpenApi.Summary, "Deliveries and latencies by the hour"),
    HttpApiEndpoint.post("startReplay", "/:id/replay", {
      params: id,
      headers: IdempotencyHeaders,
      payload: NewReplay,
      success: Replay.pipe(HttpApiSchema.status(202)),
      error: WebhookNotFoundProblem
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Deliver anew what failed or was missed since a time, in the background"),
    HttpApiEndpoint.get("listReplays", "/:id/replay", {
      params: id,
      success: Schema.Array(Replay),
      error: WebhookNotFoundProblem
    }).annotate(OpenApi.Summary, "List the last 50 replays"),
    HttpApiEndpoint.get("getReplay", "/:id/replay/:replayId", {
      params: replay,
      success: Replay,
      error: [WebhookNotFoundProblem, NoReplay]
    }).annotate(OpenApi.Summary, "Show how far a replay is"),
    HttpApiEndpoint.post("cancelReplay", "/:id/replay/:replayId/cancel", {
      params: replay,
      success: Replay,
      error: [WebhookNotFoundProblem, NoReplay]
    }).annotate(OpenApi.Summary, "End a running replay; the deliveries that it made stay")
  )
  .prefix("/integrations/webhooks")
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Webhooks" })) {}
