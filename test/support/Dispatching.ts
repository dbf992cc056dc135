import { NodeDns, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { PartitionsRepo } from "../../src/database/PartitionsRepo.ts"
import { WebhookId } from "../../src/domain/Ids.ts"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress } from "../../src/egress/Egress.ts"
import { FanOut } from "../../src/outbox/FanOut.ts"
import { OutboxRepo } from "../../src/outbox/OutboxRepo.ts"
import { Keyring, parseKeys } from "../../src/vault/Keyring.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { DeliveryRepo } from "../../src/webhooks/DeliveryRepo.ts"
import { DispatcherHealth } from "../../src/webhooks/DispatcherHealth.ts"
import { LeaseRepo } from "../../src/webhooks/LeaseRepo.ts"
import { RecipientRepo } from "../../src/webhooks/RecipientRepo.ts"
import { Recipients, webhookSecret } from "../../src/webhooks/Recipients.ts"
import { Sender } from "../../src/webhooks/Sender.ts"
import { newSecret } from "../../src/webhooks/Signature.ts"
import { Statistics } from "../../src/webhooks/Statistics.ts"
import { StatRepo } from "../../src/webhooks/StatRepo.ts"
import { TestDatabase } from "./Database.ts"

/** The key that tests seal with, so that other processes of a test can open it. */
export const testKey = "k1:bmV4dXMtdGVzdC1rZXktMzItYnl0ZXMtbG9uZy1va2E="

const TestKeyring = Layer.effect(Keyring, parseKeys("the tests' key", Redacted.make(testKey)))

/** Everything that a dispatcher needs, but for the database; loopback may be reached. */
export const DispatchingLayerNoDatabase = Layer.mergeAll(
  FanOut.layer,
  Recipients.layer,
  Sender.layer,
  Statistics.layer
).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      DeliveryRepo.layer,
      DispatcherHealth.layer,
      Egress.layerWith({ allow: loopback }).pipe(Layer.provide(NodeDns.layer)),
      LeaseRepo.layer,
      OutboxRepo.layer,
      PartitionsRepo.layer,
      RecipientRepo.layer,
      StatRepo.layer,
      Vault.layer.pipe(Layer.provide(TestKeyring))
    )
  ),
  Layer.provideMerge(NodeServices.layer)
)

/** The same on a database of the test file's own. */
export const DispatchingLayer = DispatchingLayerNoDatabase.pipe(Layer.provideMerge(TestDatabase.layer))

/** A webhook in the database, for tests of what comes after its creation. */
export interface Subscribed {
  readonly id: WebhookId
  readonly userId: string
  readonly secret: Redacted.Redacted<string>
}

/** Subscribes a user at a URL; `columns` are more columns of the row. */
export const subscribe = Effect.fnUntraced(function* (
  userId: string,
  url: string,
  events: ReadonlyArray<string> = ["*"],
  columns: Readonly<Record<string, number | string>> = {}
) {
  const sql = yield* PgClient.PgClient
  const vault = yield* Vault
  const [row] = yield* sql<{ readonly id: string }>`SELECT nexus.uuid7() AS id`
  const id = WebhookId.make(row?.id ?? "")
  const secret = yield* newSecret
  const sealed = yield* vault.seal(secret, webhookSecret({ id, userId }, "secret"))
  yield* sql`INSERT INTO nexus.webhook_subscription ${sql.insert({ id, userId, url, events, secret: sealed, ...columns })}`
  return { id, userId, secret } satisfies Subscribed
})

/** Commits an event, as another application would. */
export const emit = Effect.fnUntraced(function* (userId: string, type: string, payload: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ readonly id: string }>`
    SELECT nexus.emit(${userId}, ${type}, ${payload}::text) AS id`
  return row?.id ?? ""
})
