import { Context, type Effect } from "effect"
import type { UserId } from "../domain/Ids.ts"
import type { WebhookNotFound } from "../domain/WebhookErrors.ts"
import type { WebhookStats } from "../domain/WebhookStats.ts"

/** How webhooks have been doing, from the hourly counts. */
export class Usage extends Context.Service<
  Usage,
  {
    of(userId: UserId, webhookId: string, range: WebhookStats["range"]): Effect.Effect<WebhookStats, WebhookNotFound>
  }
>()("nexus/webhooks/Usage") {}
