/** One event for one webhook, and the attempts to deliver it. */
import { Schema } from "effect"
import { DeliveryId, EventId, WebhookId } from "./Ids.ts"

const Time = Schema.DateTimeUtcFromString

/**
 * - `pending`: an attempt is due, now or at `nextRetryAt`
 * - `delivering`: an attempt is under way, or about to be
 * - `held`: waits for its webhook, which is disabled or paused
 * - `delivered`, `failed`: finished
 * - `expired`: held for longer than events are kept
 */
export const DeliveryStatus = Schema.Literals(["pending", "delivering", "held", "delivered", "failed", "expired"])
export type DeliveryStatus = typeof DeliveryStatus.Type

/** A delivery as the API shows it. */
export class Delivery extends Schema.Class<Delivery>("Delivery")({
  id: DeliveryId,
  eventId: EventId,
  webhookId: WebhookId,
  eventType: Schema.String,
  status: DeliveryStatus,
  /** The event's data; null when the event is no longer kept. */
  payload: Schema.Unknown,
  responseStatus: Schema.NullOr(Schema.Int),
  /** At most 16 KiB of the last answer. */
  responseBody: Schema.NullOr(Schema.String),
  /** Why the last attempt failed, in words for people. */
  error: Schema.NullOr(Schema.String),
  attemptCount: Schema.Int,
  deliveredAt: Schema.NullOr(Time),
  failedAt: Schema.NullOr(Time),
  nextRetryAt: Schema.NullOr(Time),
  createdAt: Time
}) {}

/** One HTTP request of a delivery. */
export class DeliveryAttempt extends Schema.Class<DeliveryAttempt>("DeliveryAttempt")({
  /** Counts from 1. */
  number: Schema.Int,
  startedAt: Time,
  durationMs: Schema.Int,
  isManual: Schema.Boolean,
  responseStatus: Schema.NullOr(Schema.Int),
  responseHeaders: Schema.NullOr(Schema.Record(Schema.String, Schema.String)),
  responseBody: Schema.NullOr(Schema.String),
  error: Schema.NullOr(Schema.String)
}) {}

/** A delivery with all its attempts, the first one first. */
export class DeliveryWithAttempts extends Delivery.extend<DeliveryWithAttempts>("DeliveryWithAttempts")({
  attempts: Schema.Array(DeliveryAttempt)
}) {}
