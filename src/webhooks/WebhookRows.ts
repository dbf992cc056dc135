/** How webhooks come to be, are shown and go, whoever takes care of them. */
import { Array as Arr, Config, Crypto, Effect, Redacted } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { Count } from "../domain/Count.ts"
import { WebhookId } from "../domain/Ids.ts"
import type { NewWebhook, Webhook } from "../domain/Webhook.ts"
import { WebhookLimitReached } from "../domain/WebhookErrors.ts"
import { Vault } from "../vault/Vault.ts"
import { webhookSecret } from "./Recipients.ts"
import { newSecret } from "./Signature.ts"
import { makeWebhookHeaders } from "./WebhookHeaders.ts"
import { WebhookRepo, type WebhookRow } from "./WebhookRepo.ts"
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

export const makeWebhookRows = Effect.gen(function* () {
  const repo = yield* WebhookRepo
  const vault = yield* Vault
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

  return { insert, remove, shown }
})

/** What a change of a webhook is called in the audit log. */
export const actionOf = (before: WebhookRow, after: WebhookRow) =>
  before.isActive === after.isActive ? "webhook.updated" : after.isActive ? "webhook.enabled" : "webhook.paused"
