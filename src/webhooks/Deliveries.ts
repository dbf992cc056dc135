import { Context, type Effect } from "effect"
import type { Delivery, DeliveryStatus, DeliveryWithAttempts } from "../domain/Delivery.ts"
import type { DeliveryId, EventId, UserId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import type { DeliveryNotFound, WebhookNotFound } from "../domain/WebhookErrors.ts"

export interface DeliveryFilter {
  readonly status?: DeliveryStatus | undefined
  readonly eventType?: string | undefined
  /** Created at this time or later. */
  readonly since?: Date | undefined
  /** Created before this time. */
  readonly until?: Date | undefined
}

/** The deliveries of a user's webhooks, unfinished and finished. */
export class Deliveries extends Context.Service<
  Deliveries,
  {
    /** The newest first. */
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
    ): Effect.Effect<void, WebhookNotFound | DeliveryNotFound>
    /** Sends the example of an event type to this webhook alone. */
    sendTest(
      userId: UserId,
      webhookId: string,
      eventType?: string | undefined
    ): Effect.Effect<{ readonly eventId: EventId; readonly deliveryId: DeliveryId }, WebhookNotFound>
  }
>()("nexus/webhooks/Deliveries") {}
