import { Context, type Effect, type Redacted } from "effect"
import type { Actor } from "../domain/Actor.ts"
import type { UserId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import type { NewWebhook, Webhook, WebhookPatch } from "../domain/Webhook.ts"
import type { InvalidWebhook, WebhookLimitReached, WebhookManaged, WebhookNotFound } from "../domain/WebhookErrors.ts"

/** A webhook and its secret, at the only two moments when it is shown. */
export interface Issued {
  readonly webhook: Webhook
  readonly secret: Redacted.Redacted<string>
}

/**
 * A user's webhooks. Another user's are as if they did not exist. Every change is in the audit log, in the same
 * transaction, and reaches the dispatchers at once.
 */
export class Webhooks extends Context.Service<
  Webhooks,
  {
    /** @param managedBy the integration that takes care of the webhook, where one does; people then can't change it */
    create(
      actor: Actor,
      webhook: NewWebhook,
      managedBy?: string
    ): Effect.Effect<Issued, InvalidWebhook | WebhookLimitReached>
    list(userId: UserId, page: PageRequest): Effect.Effect<Page<Webhook>>
    get(userId: UserId, id: string): Effect.Effect<Webhook, WebhookNotFound>
    /** Changes what the patch names. Enabling a disabled webhook sends what was held. */
    update(
      actor: Actor,
      id: string,
      patch: WebhookPatch
    ): Effect.Effect<Webhook, WebhookNotFound | InvalidWebhook | WebhookManaged>
    /** Deletes the webhook and what was still to be delivered to it; its history stays until it is too old. */
    delete(actor: Actor, id: string): Effect.Effect<void, WebhookNotFound | WebhookManaged>
    /** Deletes the webhooks that belong to an integration of the user, as {@link delete} does. */
    deleteManaged(actor: Actor, managedBy: string): Effect.Effect<void>
    /** Gives the webhook a new secret; the old one goes on signing for `overlapSeconds`. */
    rotateSecret(
      actor: Actor,
      id: string,
      options: { readonly overlapSeconds: number; readonly secret?: Redacted.Redacted<string> | undefined }
    ): Effect.Effect<Issued, WebhookNotFound>
    /** Ends the overlap of a rotation: the old secret no longer signs. */
    endOverlap(actor: Actor, id: string): Effect.Effect<Webhook, WebhookNotFound>
  }
>()("nexus/webhooks/Webhooks") {}
