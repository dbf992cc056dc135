import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { AcceptedEvent, InvalidEvent, NewEvent } from "../domain/Event.ts"
import { EventType } from "../domain/EventType.ts"
import { EventTypeExists, InvalidEventType, NewEventType } from "../domain/NewEventType.ts"
import { AdminOnly, Authentication } from "./Authentication.ts"
import { asProblem } from "./Problem.ts"
import { Idempotency, IdempotencyHeaders, UserRateLimit, Validation } from "./RequestRules.ts"

/** Facts that go out to webhooks, and the kinds of them. */
export class EventsApi extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.post("emit", "/events", {
      headers: {
        ...IdempotencyHeaders,
        /** The trace that the event belongs to (W3C Trace Context); its deliveries join it. */
        traceparent: Schema.optionalKey(Schema.String)
      },
      payload: NewEvent,
      success: AcceptedEvent.pipe(HttpApiSchema.status(202)),
      error: InvalidEvent.pipe(asProblem("InvalidEvent", 400))
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Emit an event; 202, because it is delivered after the answer"),
    HttpApiEndpoint.get("listTypes", "/event-types", { success: Schema.Array(EventType) }).annotate(
      OpenApi.Summary,
      "List the event types, by name"
    ),
    HttpApiEndpoint.post("createType", "/event-types", {
      headers: IdempotencyHeaders,
      payload: NewEventType,
      success: EventType.pipe(HttpApiSchema.status(201)),
      error: [
        InvalidEventType.pipe(asProblem("InvalidEventType", 400)),
        EventTypeExists.pipe(asProblem("EventTypeExists", 409))
      ]
    })
      .middleware(Idempotency)
      .middleware(AdminOnly)
      .annotate(OpenApi.Summary, "Create an event type; needs the scope admin")
  )
  .prefix("/integrations")
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Events" })) {}
