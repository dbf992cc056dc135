import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Layer, Queue, Redacted, Schema } from "effect"
import { UserId } from "../../src/domain/Ids.ts"
import { NewWebhook, WebhookPatch } from "../../src/domain/Webhook.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { ManagedWebhooks } from "../../src/webhooks/ManagedWebhooks.ts"
import { RecipientRepo } from "../../src/webhooks/RecipientRepo.ts"
import { webhookSecret } from "../../src/webhooks/Recipients.ts"
import { Webhooks } from "../../src/webhooks/Webhooks.ts"
import { actor, audited, createWebhook, PeopleLayer } from "../support/People.ts"

const limit = ConfigProvider.layer(ConfigProvider.fromUnknown({ NEXUS_WEBHOOKS_PER_USER: 3 }))
const nobody = "0199f0a0-0000-7000-8000-000000000000"

layer(PeopleLayer, { excludeTestServices: true, timeout: "60 seconds" })("Webhooks", (it) => {
  it.effect("creates a webhook and shows its secret once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhooks = yield* Webhooks
      const { webhook, secret } = yield* createWebhook("ann", {
        events: ["CARD_VIEW", "CARD_VIEW", "WEBHOOK_DISABLED"],
        description: "Ann's",
        headers: { Authorization: "Bearer abcdefgh1234", "X-Short": "secret" }
      })
      assert.match(Redacted.value(secret), /^whsec_[A-Za-z0-9+/]{43}=$/)
      assert.deepInclude(webhook, {
        url: "http://127.0.0.1:8099/hook",
        events: ["CARD_VIEW", "WEBHOOK_DISABLED"],
        description: "Ann's",
        isActive: true,
        maxAttempts: 5,
        consecutiveFailures: 0,
        headers: { Authorization: "••••1234", "X-Short": "••••" },
        disabledReason: null,
        managedBy: null
      })
      assert.deepStrictEqual(yield* webhooks.get(UserId.make("ann"), webhook.id), webhook)
      const [row] = yield* sql<{ text: string }>`
        SELECT row_to_json(_)::text AS text FROM nexus.webhook_subscription AS _ WHERE id = ${webhook.id}::uuid`
      for (const plain of [Redacted.value(secret), "abcdefgh1234"]) assert.notInclude(row?.text, plain)
      assert.deepStrictEqual(yield* audited(webhook.id), [
        {
          userId: "ann",
          actor: "ann",
          action: "webhook.created",
          detail: { origin: "http://127.0.0.1:8099", events: ["CARD_VIEW", "WEBHOOK_DISABLED"] },
          address: "192.0.2.7"
        }
      ])
    })
  )

  it.effect("names every field that does not make a webhook here", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        createWebhook("ann", { url: "https://10.0.0.1/", events: ["*", "NOPE", "CARD_VIEW"] })
      )
      assert.strictEqual(error._tag, "InvalidWebhook")
      if (error._tag !== "InvalidWebhook") return
      assert.deepStrictEqual(
        error.errors.map(({ path }) => path),
        ["url", "events.1"]
      )
      assert.match(error.message, /There is no event type "NOPE"/)
    })
  )

  it.effect("takes an imported secret and signs with it", () =>
    Effect.gen(function* () {
      const vault = yield* Vault
      const rows = yield* RecipientRepo
      const { webhook, secret } = yield* createWebhook("ann", { secret: "a-secret-of-another-system" })
      assert.strictEqual(Redacted.value(secret), "a-secret-of-another-system")
      const [row] = yield* rows.load([webhook.id])
      if (row === undefined) return assert.fail("no row")
      assert.strictEqual(
        Redacted.value(yield* vault.open(row.secret, webhookSecret(row, "secret"))),
        Redacted.value(secret)
      )
    })
  )

  it.effect("keeps users apart: another user's webhook does not exist", () =>
    Effect.gen(function* () {
      const webhooks = yield* Webhooks
      const { webhook } = yield* createWebhook("bob")
      const eve = actor("eve")
      for (const id of [webhook.id, nobody, "no id", "'; --", "0199f0a0-0000-7000-8000-00000000000G"]) {
        for (const attempt of [
          webhooks.get(eve.userId, id),
          webhooks.update(eve, id, new WebhookPatch({ isActive: false })),
          webhooks.delete(eve, id),
          webhooks.rotateSecret(eve, id, { overlapSeconds: 0 }),
          webhooks.endOverlap(eve, id)
        ]) {
          const error = yield* Effect.flip(Effect.asVoid(attempt))
          assert.deepInclude(error, { _tag: "WebhookNotFound", id })
        }
      }
      assert.deepStrictEqual((yield* webhooks.list(eve.userId, { limit: 10, cursor: null })).items, [])
      assert.deepStrictEqual(yield* webhooks.get(UserId.make("bob"), webhook.id), webhook)
    })
  )

  it.effect("lists the newest first, page by page", () =>
    Effect.gen(function* () {
      const webhooks = yield* Webhooks
      const ids: Array<string> = []
      for (let index = 0; index < 5; index++) ids.unshift((yield* createWebhook("carl")).webhook.id)
      const carl = UserId.make("carl")
      const first = yield* webhooks.list(carl, { limit: 2, cursor: null })
      const second = yield* webhooks.list(carl, { limit: 2, cursor: first.next })
      const third = yield* webhooks.list(carl, { limit: 2, cursor: second.next })
      assert.deepStrictEqual(
        [...first.items, ...second.items, ...third.items].map(({ id }) => id),
        ids
      )
      assert.isNull(third.next)
    })
  )

  it.effect("changes what the patch names, tells the dispatchers, and logs the names of what changed", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhooks = yield* Webhooks
      const { webhook } = yield* createWebhook("dora", { headers: { "x-key": "12345678abcd" } })
      const changes = yield* sql.listen("nexus_changed")
      const patch = new WebhookPatch({ url: "http://127.0.0.1:8099/other", maxAttempts: 7, headers: {} })
      const changed = yield* webhooks.update(actor("dora"), webhook.id, patch)
      yield* Queue.take(changes)
      assert.deepInclude(changed, { url: "http://127.0.0.1:8099/other", maxAttempts: 7, headers: {}, events: ["*"] })
      assert.isTrue(DateTime.isGreaterThan(changed.updatedAt, webhook.updatedAt))
      const [row] = yield* sql<{ version: number }>`
        SELECT version FROM nexus.webhook_subscription WHERE id = ${webhook.id}::uuid`
      assert.strictEqual(row?.version, 2)
      assert.deepInclude((yield* audited(webhook.id)).at(-1), {
        action: "webhook.updated",
        detail: { fields: ["url", "headers", "maxAttempts"] }
      })
    })
  )

  it.effect("leaves everything as it is when a patch is empty or wrong", () =>
    Effect.gen(function* () {
      const webhooks = yield* Webhooks
      const { webhook } = yield* createWebhook("dora")
      assert.deepStrictEqual(yield* webhooks.update(actor("dora"), webhook.id, new WebhookPatch({})), webhook)
      const wrong = new WebhookPatch({ url: "https://[::1%25lo]/", description: "new" })
      assert.strictEqual((yield* Effect.flip(webhooks.update(actor("dora"), webhook.id, wrong)))._tag, "InvalidWebhook")
      assert.deepStrictEqual(yield* webhooks.get(UserId.make("dora"), webhook.id), webhook)
      assert.strictEqual((yield* audited(webhook.id)).length, 1)
    })
  )

  it.effect("pauses, and forgets past failures when it is enabled again", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhooks = yield* Webhooks
      const { webhook } = yield* createWebhook("emil")
      yield* sql`UPDATE nexus.webhook_subscription SET is_active = false, consecutive_failures = 10,
        failing_since = now(), disabled_reason = 'ten', disabled_at = now() WHERE id = ${webhook.id}::uuid`
      const enabled = yield* webhooks.update(actor("emil"), webhook.id, new WebhookPatch({ isActive: true }))
      assert.deepInclude(enabled, { isActive: true, consecutiveFailures: 0, disabledReason: null, disabledAt: null })
      const paused = yield* webhooks.update(actor("emil"), webhook.id, new WebhookPatch({ isActive: false }))
      assert.deepInclude(paused, { isActive: false, disabledReason: null })
      assert.deepStrictEqual(
        (yield* audited(webhook.id)).map(({ action }) => action),
        ["webhook.created", "webhook.enabled", "webhook.paused"]
      )
      const [row] = yield* sql`SELECT failing_since FROM nexus.webhook_subscription WHERE id = ${webhook.id}::uuid`
      assert.deepStrictEqual(row, { failingSince: null })
    })
  )

  it.effect("deletes a webhook with its open deliveries and replays, and nothing of others", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhooks = yield* Webhooks
      const { webhook } = yield* createWebhook("finn")
      const { webhook: other } = yield* createWebhook("finn")
      for (const { id } of [webhook, other]) {
        yield* sql`
          INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, created_at)
          VALUES (nexus.uuid7(), nexus.uuid7(), ${id}::uuid, 'finn', 'CARD_VIEW', 5, now(), now())`
        yield* sql`INSERT INTO nexus.replay (webhook_id, user_id, kind, since, until, cursor, total)
          VALUES (${id}::uuid, 'finn', 'failed', now(), now(), nexus.uuid7(), 0)`
      }
      yield* webhooks.delete(actor("finn"), webhook.id)
      assert.strictEqual((yield* Effect.flip(webhooks.get(UserId.make("finn"), webhook.id)))._tag, "WebhookNotFound")
      const left = yield* sql<{ webhookId: string }>`
        SELECT webhook_id FROM nexus.delivery WHERE user_id = 'finn' UNION ALL SELECT webhook_id FROM nexus.replay WHERE user_id = 'finn'`
      assert.deepStrictEqual(left, [{ webhookId: other.id }, { webhookId: other.id }])
      assert.strictEqual((yield* audited(webhook.id)).at(-1)?.action, "webhook.deleted")
    })
  )

  it.effect("rotates the secret: both sign until the overlap ends", () =>
    Effect.gen(function* () {
      const vault = yield* Vault
      const rows = yield* RecipientRepo
      const webhooks = yield* Webhooks
      const { webhook, secret } = yield* createWebhook("gina")
      const rotated = yield* webhooks.rotateSecret(actor("gina"), webhook.id, { overlapSeconds: 3600 })
      assert.notStrictEqual(Redacted.value(rotated.secret), Redacted.value(secret))
      const seconds = DateTime.distance(
        rotated.webhook.updatedAt,
        rotated.webhook.previousSecretExpiresAt ?? webhook.createdAt
      )
      assert.deepStrictEqual(seconds, DateTime.distance(DateTime.makeUnsafe(0), DateTime.makeUnsafe(3_600_000)))
      const [row] = yield* rows.load([webhook.id])
      if (row?.previousSecret == null) return assert.fail("no previous secret")
      const previous = yield* vault.open(row.previousSecret, webhookSecret(row, "previous_secret"))
      assert.strictEqual(Redacted.value(previous), Redacted.value(secret))
      assert.strictEqual(row.version, 2)

      assert.isNull((yield* webhooks.endOverlap(actor("gina"), webhook.id)).previousSecretExpiresAt)
      assert.deepInclude((yield* rows.load([webhook.id]))[0], { previousSecret: null, version: 3 })
      assert.deepStrictEqual(
        (yield* audited(webhook.id)).map(({ action }) => action),
        ["webhook.created", "webhook.secret_rotated", "webhook.overlap_ended"]
      )
    })
  )

  it.effect("rotates a secret that can't be opened any more, without an overlap", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhooks = yield* Webhooks
      const { webhook } = yield* createWebhook("gina")
      yield* sql`UPDATE nexus.webhook_subscription SET secret = 'nx1.lost.AAAA', headers = 'nx1.lost.AAAA' WHERE id = ${webhook.id}::uuid`
      const rotated = yield* webhooks.rotateSecret(actor("gina"), webhook.id, { overlapSeconds: 3600 })
      assert.isNull(rotated.webhook.previousSecretExpiresAt)
      assert.deepStrictEqual(rotated.webhook.headers, {})
    })
  )

  it.effect("leaves what belongs to an integration to the integration, and seals its URL", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhooks = yield* Webhooks
      const managedOnes = yield* ManagedWebhooks
      const hal = actor("hal")
      const payload = new NewWebhook({ url: "http://127.0.0.1:8099/••••", events: ["*"] })
      const managed = { by: "AUTOMATION", url: Redacted.make("http://127.0.0.1:8099/hooks/canary-of-the-url") }
      const webhook = yield* managedOnes.create(hal, payload, managed)
      assert.strictEqual(webhook.url, "http://127.0.0.1:8099/••••")
      const [stored] = yield* sql<{ text: string }>`
        SELECT row_to_json(_)::text AS text FROM nexus.webhook_subscription AS _ WHERE id = ${webhook.id}::uuid`
      assert.notInclude(stored?.text, "canary")
      yield* managedOnes.setActive(hal, "AUTOMATION", false)
      const [paused] = yield* managedOnes.list(hal.userId, "AUTOMATION")
      assert.deepInclude(paused, { id: webhook.id, isActive: false })
      const { webhook: own } = yield* createWebhook("hal")
      const refused = yield* Effect.flip(webhooks.update(hal, webhook.id, new WebhookPatch({ isActive: false })))
      assert.deepInclude(refused, { _tag: "WebhookManaged", managedBy: "AUTOMATION" })
      assert.strictEqual((yield* Effect.flip(webhooks.delete(hal, webhook.id)))._tag, "WebhookManaged")
      yield* managedOnes.delete(hal, "AUTOMATION")
      const left = yield* webhooks.list(hal.userId, { limit: 10, cursor: null })
      assert.deepStrictEqual(
        left.items.map(({ id }) => id),
        [own.id]
      )
    })
  )

  it.effect("lets nobody have more than the limit, however many are made at once", () =>
    Effect.gen(function* () {
      const results = yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.result(createWebhook("ines")), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(Layer.fresh(Webhooks.layer).pipe(Layer.provide(limit))))
      assert.strictEqual(results.filter(({ _tag }) => _tag === "Success").length, 3)
      const error = results.find((result) => result._tag === "Failure")
      assert.strictEqual(error?._tag === "Failure" ? error.failure._tag : "", "WebhookLimitReached")
    })
  )

  it.effect("accepts only headers that are the owner's to set", () =>
    Effect.gen(function* () {
      const decode = (headers: Record<string, string>) =>
        Effect.result(Schema.decodeEffect(NewWebhook)({ url: "https://example.com", events: ["*"], headers }))
      for (const name of [
        "Host",
        "content-length",
        "Content-Type",
        "content-encoding",
        "Connection",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "proxy-authorization",
        "user-agent",
        "traceparent",
        "Webhook-Id",
        "X-Webhook-Signature",
        "a b",
        "",
        "x:y",
        "ü"
      ])
        assert.strictEqual((yield* decode({ [name]: "x" }))._tag, "Failure", name)
      for (const value of ["a\r\nb", "a\nb", "\u0000", "€", "x".repeat(1025)])
        assert.strictEqual((yield* decode({ "x-key": value }))._tag, "Failure", JSON.stringify(value))
      assert.strictEqual((yield* decode({ "X-Key": "1", "x-key": "2" }))._tag, "Failure")
      assert.strictEqual((yield* decode({ "X-Key": "1", Authorization: "Basic é\t" }))._tag, "Success")
    })
  )
})
