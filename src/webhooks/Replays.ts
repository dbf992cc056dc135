import { Context, type Effect } from "effect"
import type { Actor } from "../domain/Actor.ts"
import type { UserId } from "../domain/Ids.ts"
import type { NewReplay, Replay } from "../domain/Replay.ts"
import type { ReplayNotFound, WebhookNotFound } from "../domain/WebhookErrors.ts"

/** Makes deliveries anew, in the background: what failed since a time, or what a webhook missed. */
export class Replays extends Context.Service<
  Replays,
  {
    /** Begins a replay, or with `dryRun` only counts what it would make. */
    start(actor: Actor, webhookId: string, replay: NewReplay): Effect.Effect<Replay, WebhookNotFound>
    /** The last 50, the newest first. */
    list(userId: UserId, webhookId: string): Effect.Effect<ReadonlyArray<Replay>, WebhookNotFound>
    get(userId: UserId, webhookId: string, id: string): Effect.Effect<Replay, WebhookNotFound | ReplayNotFound>
    /** Ends a running replay; the deliveries that it made stay. */
    cancel(actor: Actor, webhookId: string, id: string): Effect.Effect<Replay, WebhookNotFound | ReplayNotFound>
  }
>()("nexus/webhooks/Replays") {}
