import { Context, DateTime, Effect, Layer } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { isId } from "../domain/Cursor.ts"
import type { UserId } from "../domain/Ids.ts"
import { type NewReplay, Replay } from "../domain/Replay.ts"
import { ReplayNotFound, type WebhookNotFound } from "../domain/WebhookErrors.ts"
import { ReplayRepo, type ReplayRow } from "./ReplayRepo.ts"
import { WebhookRepo } from "./WebhookRepo.ts"

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
>()("nexus/webhooks/Replays") {
  static readonly layer = Layer.effect(
    Replays,
    Effect.gen(function* () {
      const webhooks = yield* WebhookRepo
      const repo = yield* ReplayRepo
      const transaction = yield* makeUserTransactions

      return Replays.of({
        start: Effect.fn("Replays.start")(
          function* (actor, webhookId, { kind, since, until, dryRun }) {
            const now = yield* DateTime.now
            return yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const webhook = yield* webhooks.get(actor.userId, webhookId)
                const range = {
                  webhookId: webhook.id,
                  userId: webhook.userId,
                  kind,
                  since: DateTime.toDateUtc(since),
                  until: DateTime.toDateUtc(until ?? now)
                }
                const total = yield* repo.count(range)
                if (dryRun) return show({ ...range, id: null, state: "DRY_RUN", total, done: 0 })
                yield* webhooks.keep(actor.userId, webhook.id)
                return show(yield* repo.insert(actor, range, total))
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        list: Effect.fn("Replays.list")(
          function* (userId, webhookId) {
            return yield* transaction(
              userId,
              Effect.gen(function* () {
                const webhook = yield* webhooks.get(userId, webhookId)
                return (yield* repo.list(webhook.id, 50)).map(show)
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        get: Effect.fn("Replays.get")(
          function* (userId, webhookId, id) {
            return yield* transaction(
              userId,
              Effect.gen(function* () {
                const webhook = yield* webhooks.get(userId, webhookId)
                const row = isId(id) ? yield* repo.get(webhook.id, id) : undefined
                return show(row ?? (yield* new ReplayNotFound({ id })))
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        cancel: Effect.fn("Replays.cancel")(
          function* (actor, webhookId, id) {
            return yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const webhook = yield* webhooks.get(actor.userId, webhookId)
                if (!isId(id)) return yield* new ReplayNotFound({ id })
                const row = (yield* repo.cancel(actor, webhook.id, id)) ?? (yield* repo.get(webhook.id, id))
                return show(row ?? (yield* new ReplayNotFound({ id })))
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

const show = (row: Omit<ReplayRow, "id" | "state"> & { readonly id: Replay["id"]; readonly state: Replay["state"] }) =>
  new Replay({ ...row, since: DateTime.fromDateUnsafe(row.since), until: DateTime.fromDateUnsafe(row.until) })
