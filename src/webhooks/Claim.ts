import type { DeliveryId, EventId, UserId, WebhookId } from "../domain/Ids.ts"

/** A delivery that this dispatcher holds: what it needs to make the next attempt. */
export interface Claim {
  readonly deliveryId: DeliveryId
  readonly eventId: EventId
  readonly webhookId: WebhookId
  /** Counts the changes of the webhook; a target cached under another version is stale. */
  readonly webhookVersion: number
  readonly userId: UserId
  readonly eventType: string
  /** The exact text to send. */
  readonly body: string
  /** Attempts made so far, in all rounds. */
  readonly attemptCount: number
  /** Attempts made before this round began. */
  readonly attemptsBefore: number
  /** How many attempts this round may make. */
  readonly maxAttempts: number
  /** Asked for by a person; such an attempt counts neither for nor against the webhook. */
  readonly isManual: boolean
  /** The W3C trace context of the request that emitted the event, where one came along. */
  readonly traceparent: string | null
}

/** How much more a dispatcher can hold: in all, for a webhook that it holds nothing of, and for those it does. */
export interface Room {
  readonly total: number
  readonly perWebhook: number
  readonly taken: ReadonlyArray<{ readonly webhookId: WebhookId; readonly free: number }>
}
