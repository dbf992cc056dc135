import { Context, type Effect } from "effect"
import type { Delivery, DeliveryStatus, DeliveryWithAttempts } from "../domain/Delivery.ts"
import type { DeliveryId, EventId, UserId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import type { DeliveryNotFound, EventExpired, InvalidWebhook, WebhookNotFound } from "../domain/WebhookErrors.ts"

export interface DeliveryFilter {
  readonly status?: DeliveryStatus | undefined
  readonly eventType?: string | undefined
  /** Of events at this time or later. */
  readonly since?: Date | undefined
  /** Of events before this time. */
  readonly until?: Date | undefined
}

/** The deliveries of a user's webhooks, unfinished and finished. */
export class Deliveries extends Context.Service<
  Deliveries,
  {
    /** Those of the newest events first. */
    list(
      userId: UserId,
      webhookId: string,
      filter: DeliveryFilter,
      page: PageRequest
    ): Effect.Effect<Page<Delivery>, WebhookNotFound>
    get(
      userId: UserId,
      webhookId: string,
      deliveryId: string
    ): Effect.Effect<DeliveryWithAttempts, WebhookNotFound | DeliveryNotFound>
    /** One more attempt, at once; it takes the place of a pending automatic one. */
    retry(
      userId: UserId,
      webhookId: string,
      deliveryId: string
    ): Effect.Effect<void, WebhookNotFound | DeliveryNotFound | EventExpired>
    /** Sends the example of an event type to this webhook alone; of the first type that it asks for when none is named. */
    sendTest(
      userId: UserId,
      webhookId: string,
      eventType?: string | undefined
    ): Effect.Effect<{ readonly eventId: EventId; readonly deliveryId: DeliveryId }, WebhookNotFound | InvalidWebhook>
  }
>()("nexus/webhooks/Deliveries") {}
