import { Context, Effect, Layer } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import type { UserId } from "../domain/Ids.ts"
import type { NewWebhook, Webhook } from "../domain/Webhook.ts"
import type { WebhookLimitReached } from "../domain/WebhookErrors.ts"
import { WebhookRepo } from "./WebhookRepo.ts"
import { actionOf, type Managed, makeWebhookRows } from "./WebhookRows.ts"

/** Webhooks that an integration of their user takes care of. People see them, and can't change them. */
export class ManagedWebhooks extends Context.Service<
  ManagedWebhooks,
  {
    create(actor: Actor, webhook: NewWebhook, managed: Managed): Effect.Effect<Webhook, WebhookLimitReached>
    /** @param managedBy the integration's provider, here and below */
    list(userId: UserId, managedBy: string): Effect.Effect<ReadonlyArray<Webhook>>
    /** Pauses or resumes them. */
    setActive(actor: Actor, managedBy: string, isActive: boolean): Effect.Effect<void>
    /** Deletes them, with what was still to be delivered to them; their history stays until it is too old. */
    delete(actor: Actor, managedBy: string): Effect.Effect<void>
  }
>()("nexus/webhooks/ManagedWebhooks") {
  static readonly layer = Layer.effect(
    ManagedWebhooks,
    Effect.gen(function* () {
      const repo = yield* WebhookRepo
      const transaction = yield* makeUserTransactions
      const { insert, remove, shown } = yield* makeWebhookRows

      return ManagedWebhooks.of({
        // Where it may go is the plugin's to say, and every dial judges it; it asks no DNS inside a transaction.
        create: Effect.fn("ManagedWebhooks.create")(function* (actor, webhook, managed) {
          return (yield* insert(actor, webhook, managed)).webhook
        }),

        list: Effect.fn("ManagedWebhooks.list")(
          function* (userId, managedBy) {
            return yield* Effect.forEach(yield* transaction(userId, repo.managed(userId, managedBy)), shown)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        setActive: Effect.fn("ManagedWebhooks.setActive")(
          function* (actor, managedBy, isActive) {
            yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                for (const row of yield* repo.managed(actor.userId, managedBy)) {
                  if (row.isActive === isActive) continue
                  const changed = yield* repo.update(row, { isActive })
                  yield* repo.announce(actor, actionOf(row, changed), row.id, { fields: ["isActive"] })
                }
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        delete: Effect.fn("ManagedWebhooks.delete")(
          function* (actor, managedBy) {
            yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const rows = yield* repo.managed(actor.userId, managedBy)
                yield* Effect.forEach(rows, (row) => remove(actor, row), { discard: true })
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
