import { Schema } from "effect"

/** The event types that the product documentation names. */
export const WebhookEventType = {
  /** When a new contact is added. */
  CONTACT_CREATED: "CONTACT_CREATED",
  /** When a card is viewed. */
  CARD_VIEW: "CARD_VIEW",
  /** When a link is clicked. */
  LINK_CLICK: "LINK_CLICK",
  /** When a subscription changes. */
  SUBSCRIPTION_UPDATED: "SUBSCRIPTION_UPDATED"
} as const
export type WebhookEventType = (typeof WebhookEventType)[keyof typeof WebhookEventType]

/** The name of an event type: a letter, then up to 63 letters, digits, `_` and `.`. */
export const EventTypeName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_.]{0,63}$/, {
    message: "Expected the name of an event type: a letter, then up to 63 letters, digits, _ and ."
  })
).pipe(Schema.brand("EventTypeName"))
export type EventTypeName = typeof EventTypeName.Type

/** An event type of this installation. */
export class EventType extends Schema.Class<EventType>("EventType")({
  name: EventTypeName,
  /** `system` types come from the service itself; `*` does not include them. */
  kind: Schema.Literals(["builtin", "custom", "system"]),
  description: Schema.String,
  /** The JSON Schema that the HTTP API holds the event's data to. */
  schema: Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)),
  /** Data as such an event carries it. */
  example: Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))
}) {}
