import { Array as Arr, Config, Context, Crypto, Effect, Layer, Redacted } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { Count } from "../domain/Count.ts"
import { idOfCursor, pageOf } from "../domain/Cursor.ts"
import { type UserId, WebhookId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import type { NewWebhook, Webhook, WebhookPatch } from "../domain/Webhook.ts"
import {
  type InvalidWebhook,
  WebhookLimitReached,
  WebhookManaged,
  type WebhookNotFound
} from "../domain/WebhookErrors.ts"
import { Vault } from "../vault/Vault.ts"
import { webhookSecret } from "./Recipients.ts"
import { newSecret } from "./Signature.ts"
import { makeWebhookHeaders } from "./WebhookHeaders.ts"
import { WebhookRepo, type WebhookRow } from "./WebhookRepo.ts"
import { makeWebhookRules } from "./WebhookRules.ts"
import { showWebhook } from "./WebhookView.ts"

/** A webhook and its secret, at the only two moments when it is shown. */
export interface Issued {
  readonly webhook: Webhook
  readonly secret: Redacted.Redacted<string>
}

/** What makes a webhook an integration's own. */
export interface Managed {
  /** The integration's provider. */
  readonly by: string
  /** Where deliveries go. It is kept sealed; the webhook's own `url` is what may be shown of it. */
  readonly url: Redacted.Redacted<string>
}

/** How many webhooks a user may have. */
export const webhooksPerUser = Config.schema(Count, "NEXUS_WEBHOOKS_PER_USER").pipe(Config.withDefault(100))

/**
 * A user's webhooks. Another user's are as if they did not exist. Every change is in the audit log, in the same
 * transaction, and reaches the dispatchers at once.
 */
export class Webhooks extends Context.Service<
  Webhooks,
  {
    create(actor: Actor, webhook: NewWebhook): Effect.Effect<Issued, InvalidWebhook | WebhookLimitReached>
    /** Creates a webhook that an integration takes care of. People can't change it. */
    createManaged(actor: Actor, webhook: NewWebhook, managed: Managed): Effect.Effect<Webhook, WebhookLimitReached>
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
    /** The webhooks that belong to an integration of the user. */
    listManaged(userId: UserId, managedBy: string): Effect.Effect<ReadonlyArray<Webhook>>
    /** Pauses or resumes the webhooks that belong to an integration of the user. */
    setManagedActive(actor: Actor, managedBy: string, isActive: boolean): Effect.Effect<void>
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
>()("nexus/webhooks/Webhooks") {
  /** `NEXUS_WEBHOOKS_PER_USER` (100) is how many webhooks a user may have. */
  static readonly layer = Layer.effect(
    Webhooks,
    Effect.gen(function* () {
      const repo = yield* WebhookRepo
      const vault = yield* Vault
      const validate = yield* makeWebhookRules
      const crypto = yield* Crypto.Crypto
      const headers = yield* makeWebhookHeaders
      const transaction = yield* makeUserTransactions
      const limit = yield* webhooksPerUser

      const shown = Effect.fnUntraced(function* (row: WebhookRow) {
        return showWebhook(row, yield* headers.mask(row, row.headers))
      })

      const remove = Effect.fnUntraced(function* (actor: Actor, row: WebhookRow) {
        yield* repo.delete(row)
        yield* repo.announce(actor, "webhook.deleted", row.id, { origin: new URL(row.url).origin })
      })

      const insert = Effect.fnUntraced(
        function* (actor: Actor, webhook: NewWebhook, managed?: Managed) {
          const { secret: imported, headers: ownHeaders, events, ...rest } = webhook
          const owned = { id: WebhookId.make(yield* Effect.orDie(crypto.randomUUIDv7())), userId: actor.userId }
          const secret = imported === undefined ? yield* newSecret : Redacted.make(imported)
          const row = {
            ...owned,
            ...rest,
            events: Arr.dedupe(events),
            secret: yield* vault.seal(secret, webhookSecret(owned, "secret")),
            headers: yield* headers.seal(owned, ownHeaders ?? {}),
            sealedUrl: managed === undefined ? null : yield* vault.seal(managed.url, webhookSecret(owned, "url")),
            managedBy: managed?.by ?? null
          }
          const made = yield* transaction(
            actor.userId,
            Effect.gen(function* () {
              if ((yield* repo.count(actor.userId)) >= limit) return yield* new WebhookLimitReached({ limit })
              const made = yield* repo.insert(row)
              const detail = { origin: new URL(made.url).origin, events: made.events }
              yield* repo.announce(actor, "webhook.created", made.id, detail)
              return made
            })
          )
          return { webhook: yield* shown(made), secret }
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Webhooks.of({
        create: Effect.fn("Webhooks.create")(
          function* (actor, webhook) {
            yield* validate(webhook)
            return yield* insert(actor, webhook)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        // Where it may go is the plugin's to say, and every dial judges it; it asks no DNS inside a transaction.
        createManaged: Effect.fn("Webhooks.createManaged")(function* (actor, webhook, managed) {
          return (yield* insert(actor, webhook, managed)).webhook
        }),

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

        listManaged: Effect.fn("Webhooks.listManaged")(
          function* (userId, managedBy) {
            return yield* Effect.forEach(yield* transaction(userId, repo.managed(userId, managedBy)), shown)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        setManagedActive: Effect.fn("Webhooks.setManagedActive")(
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

        deleteManaged: Effect.fn("Webhooks.deleteManaged")(
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

const actionOf = (before: WebhookRow, after: WebhookRow) =>
  before.isActive === after.isActive ? "webhook.updated" : after.isActive ? "webhook.enabled" : "webhook.paused"
