import { Array as Arr, Context, Effect, Layer, type Redacted } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { idOfCursor, pageOf } from "../domain/Cursor.ts"
import type { UserId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import type { NewWebhook, Webhook, WebhookPatch } from "../domain/Webhook.ts"
import {
  type InvalidWebhook,
  type WebhookLimitReached,
  WebhookManaged,
  type WebhookNotFound
} from "../domain/WebhookErrors.ts"
import { Vault } from "../vault/Vault.ts"
import { webhookSecret } from "./Recipients.ts"
import { newSecret } from "./Signature.ts"
import { makeWebhookHeaders } from "./WebhookHeaders.ts"
import { WebhookRepo, type WebhookRow } from "./WebhookRepo.ts"
import { actionOf, type Issued, makeWebhookRows } from "./WebhookRows.ts"
import { makeWebhookRules } from "./WebhookRules.ts"

/**
 * A user's webhooks. Another user's are as if they did not exist. Every change is in the audit log, in the same
 * transaction, and reaches the dispatchers at once.
 */
export class Webhooks extends Context.Service<
  Webhooks,
  {
    create(actor: Actor, webhook: NewWebhook): Effect.Effect<Issued, InvalidWebhook | WebhookLimitReached>
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
    /** Gives the webhook a new secret; the old one goes on signing for `overlapSeconds`. */
    rotateSecret(
      actor: Actor,
      id: string,
      options: { readonly overlapSeconds: number; readonly secret?: Redacted.Redacted<string> | undefined }
    ): Effect.Effect<Issued, WebhookNotFound>
    /** Ends the overlap of a rotation: the old secret no longer signs. */
    endOverlap(actor: Actor, id: string): Effect.Effect<Webhook, WebhookNotFound>
  }
>()("nexus/webhooks/Webhooks") {
  /** `NEXUS_WEBHOOKS_PER_USER` (100) is how many webhooks a user may have. */
  static readonly layer = Layer.effect(
    Webhooks,
    Effect.gen(function* () {
      const repo = yield* WebhookRepo
      const vault = yield* Vault
      const validate = yield* makeWebhookRules
      const headers = yield* makeWebhookHeaders
      const transaction = yield* makeUserTransactions
      const { insert, remove, shown } = yield* makeWebhookRows

      return Webhooks.of({
        create: Effect.fn("Webhooks.create")(
          function* (actor, webhook) {
            yield* validate(webhook)
            return yield* insert(actor, webhook)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        list: Effect.fn("Webhooks.list")(
          function* (userId, { limit, cursor }) {
            const rows = yield* transaction(userId, repo.list(userId, limit + 1, idOfCursor(cursor)))
            return pageOf(yield* Effect.forEach(rows, shown), limit)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        get: Effect.fn("Webhooks.get")(
          function* (userId, id) {
            return yield* shown(yield* transaction(userId, repo.get(userId, id)))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        update: Effect.fn("Webhooks.update")(
          function* (actor, id, patch) {
            const { managedBy } = yield* transaction(actor.userId, repo.get(actor.userId, id))
            if (managedBy !== null) return yield* new WebhookManaged({ managedBy })
            yield* validate(patch)
            const changed = yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const row = yield* repo.lock(actor.userId, id)
                const fields = Object.keys(patch)
                if (fields.length === 0) return row
                const { headers: ownHeaders, events, ...rest } = patch
                const changed = yield* repo.update(row, {
                  ...rest,
                  ...(events === undefined ? {} : { events: Arr.dedupe(events) }),
                  ...(ownHeaders === undefined ? {} : { headers: yield* headers.seal(row, ownHeaders) })
                })
                yield* repo.announce(actor, actionOf(row, changed), row.id, { fields })
                return changed
              })
            )
            return yield* shown(changed)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        delete: Effect.fn("Webhooks.delete")(
          function* (actor, id) {
            const row = yield* transaction(actor.userId, repo.get(actor.userId, id))
            if (row.managedBy !== null) return yield* new WebhookManaged({ managedBy: row.managedBy })
            yield* transaction(actor.userId, remove(actor, row))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        rotateSecret: Effect.fn("Webhooks.rotateSecret")(
          function* (actor, id, { overlapSeconds, secret: imported }) {
            const secret = imported ?? (yield* newSecret)
            const rotated = yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const row = yield* repo.lock(actor.userId, id)
                const sealed = yield* vault.seal(secret, webhookSecret(row, "secret"))
                const previous = overlapSeconds > 0 ? yield* asPrevious(row) : null
                const rotated = yield* repo.rotate(row, sealed, previous, overlapSeconds)
                yield* repo.announce(actor, "webhook.secret_rotated", row.id, {
                  overlapSeconds: previous === null ? 0 : overlapSeconds
                })
                return rotated
              })
            )
            return { webhook: yield* shown(rotated), secret }
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        endOverlap: Effect.fn("Webhooks.endOverlap")(
          function* (actor, id) {
            const ended = yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const row = yield* repo.lock(actor.userId, id)
                if (row.previousSecretExpiresAt === null) return row
                const ended = yield* repo.endOverlap(row)
                yield* repo.announce(actor, "webhook.overlap_ended", row.id, {})
                return ended
              })
            )
            return yield* shown(ended)
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })

      /** The current secret, sealed for its next place. One that can't be opened any more has no overlap. */
      function asPrevious(row: WebhookRow) {
        return vault.open(row.secret, webhookSecret(row, "secret")).pipe(
          Effect.flatMap((opened) => vault.seal(opened, webhookSecret(row, "previous_secret"))),
          Effect.catchTag("SealBroken", (broken) =>
            Effect.as(Effect.logError("A webhook's secret can't be opened; its rotation has no overlap", broken), null)
          )
        )
      }
    })
  )
}
