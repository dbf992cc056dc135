import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Delivery, DeliveryStatus, DeliveryWithAttempts } from "../domain/Delivery.ts"
import { EventTypeName } from "../domain/EventType.ts"
import { Moment } from "../domain/Moment.ts"
import { DeliveryNotFound, EventExpired } from "../domain/WebhookErrors.ts"
import { Authentication } from "./Authentication.ts"
import { Paged, PageQuery, Success } from "./Paging.ts"
import { asProblem } from "./Problem.ts"
import { UserRateLimit, Validation } from "./RequestRules.ts"
import { WebhookNotFoundProblem } from "./WebhooksApi.ts"

const NotFound = DeliveryNotFound.pipe(asProblem("DeliveryNotFound", 404))
const Expired = EventExpired.pipe(asProblem("EventExpired", 410))
const ids = { id: Schema.String, deliveryId: Schema.String }

/** What was sent to a webhook, and how it went. */
export class DeliveriesApi extends HttpApiGroup.make("deliveries")
  .add(
    HttpApiEndpoint.get("list", "/", {
      params: { id: Schema.String },
      query: {
        ...PageQuery,
        status: Schema.optionalKey(DeliveryStatus),
        eventType: Schema.optionalKey(EventTypeName),
        /** Of events at this time or later. */
        since: Schema.optionalKey(Moment),
        /** Of events before this time. */
        until: Schema.optionalKey(Moment)
      },
      success: Paged(Delivery),
      error: WebhookNotFoundProblem
    }).annotate(OpenApi.Summary, "List deliveries, the newest first"),
    HttpApiEndpoint.get("get", "/:deliveryId", {
      params: ids,
      success: DeliveryWithAttempts,
      error: [WebhookNotFoundProblem, NotFound]
    }).annotate(OpenApi.Summary, "Show a delivery with every attempt"),
    HttpApiEndpoint.post("retry", "/:deliveryId/retry", {
      params: ids,
      success: Success,
      error: [WebhookNotFoundProblem, NotFound, Expired]
    }).annotate(OpenApi.Summary, "Attempt a delivery again, at once")
  )
  .prefix("/integrations/webhooks/:id/deliveries")
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Deliveries" })) {}
