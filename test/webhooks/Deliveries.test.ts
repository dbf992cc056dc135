import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { Delivery, type DeliveryStatus } from "../../src/domain/Delivery.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { WebhookPatch } from "../../src/domain/Webhook.ts"
import { Deliveries } from "../../src/webhooks/Deliveries.ts"
import { Webhooks } from "../../src/webhooks/Webhooks.ts"
import { claimDue, complete, delivered, failed, fanOut, finish, lease, outcomeOf, retryIn } from "../support/Claims.ts"
import { emit } from "../support/Dispatching.ts"
import { actor, createWebhook, PeopleLayer } from "../support/People.ts"

const nobody = "0199f0a0-0000-7000-8000-000000000000"

/** A user with a webhook and `count` claimed deliveries of it, the oldest first. */
const scene = Effect.fnUntraced(function* (name: string, count: number, payload = '{"cardId":"card-1"}') {
  const { webhook } = yield* createWebhook(name)
  for (let index = 0; index < count; index++) yield* emit(name, index % 2 === 0 ? "CARD_VIEW" : "LINK_CLICK", payload)
  const dispatcher = yield* lease
  return { userId: UserId.make(name), webhook, dispatcher, claims: yield* fanOut(dispatcher) }
})

const only = { limit: 50, cursor: null }

layer(PeopleLayer, { excludeTestServices: true, timeout: "60 seconds" })("Deliveries", (it) => {
  it.effect("shows open and finished deliveries in one list, the newest event first", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("list", 5)
      const [first, second, third, fourth] = claims
      if (first === undefined || second === undefined || third === undefined || fourth === undefined)
        return assert.fail("no claims")
      yield* finish(dispatcher, [first], delivered)
      yield* finish(dispatcher, [second], failed)
      yield* finish(dispatcher, [third], retryIn(60_000))
      yield* sql`UPDATE nexus.delivery SET claimed_by = NULL WHERE id = ${fourth.deliveryId}::uuid`

      const { items, next } = yield* deliveries.list(userId, webhook.id, {}, only)
      assert.isNull(next)
      assert.deepStrictEqual(
        items.map(({ id }) => id),
        claims.map(({ deliveryId }) => deliveryId).reverse()
      )
      assert.deepStrictEqual(
        items.map(({ status }) => status),
        ["delivering", "pending", "pending", "failed", "delivered"]
      )
      const [, , again, broken, sent] = items
      assert.deepInclude(sent, {
        eventId: first.eventId,
        webhookId: webhook.id,
        eventType: "CARD_VIEW",
        payload: { cardId: "card-1" },
        responseStatus: 200,
        responseBody: "ok",
        error: null,
        attemptCount: 1,
        failedAt: null,
        nextRetryAt: null
      })
      assert.isNotNull(sent?.deliveredAt)
      assert.deepInclude(broken, {
        responseStatus: 500,
        responseBody: "no",
        error: "The receiver answered 500 Internal Server Error",
        deliveredAt: null
      })
      assert.isNotNull(broken?.failedAt)
      assert.deepInclude(again, { responseStatus: 500, attemptCount: 1, deliveredAt: null, failedAt: null })
      assert.isNotNull(again?.nextRetryAt)

      for (const status of ["pending", "delivering", "held", "delivered", "failed", "expired"] as const) {
        const filtered = yield* deliveries.list(userId, webhook.id, { status }, only)
        assert.deepStrictEqual(
          filtered.items,
          items.filter((item) => item.status === status),
          status
        )
      }
      const links = yield* deliveries.list(userId, webhook.id, { eventType: "LINK_CLICK" }, only)
      assert.deepStrictEqual(
        links.items,
        items.filter(({ eventType }) => eventType === "LINK_CLICK")
      )
    })
  )

  it.effect("pages through without a gap or a repetition, whatever is open", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("pages", 11)
      yield* finish(
        dispatcher,
        claims.filter((_, index) => index % 3 === 0),
        delivered
      )
      const seen: Array<string> = []
      let cursor: string | null = null
      do {
        const page: { items: ReadonlyArray<Delivery>; next: string | null } = yield* deliveries.list(
          userId,
          webhook.id,
          {},
          { limit: 3, cursor }
        )
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.next
      } while (cursor !== null)
      assert.deepStrictEqual(seen, claims.map(({ deliveryId }) => deliveryId).reverse())
    })
  )

  it.effect("takes a range of times, which is the time of the event", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const deliveries = yield* Deliveries
      const { webhook } = yield* createWebhook("range")
      for (const hours of [1, 2, 3]) {
        yield* sql`INSERT INTO nexus.outbox (id, user_id, event_type, payload, created_at) VALUES
          (nexus.uuid7_floor(now() - ${hours} * interval '1 hour'), 'range', 'CARD_VIEW', '{}', now() - ${hours} * interval '1 hour')`
      }
      const dispatcher = yield* lease
      const claims = yield* fanOut(dispatcher)
      yield* finish(dispatcher, claims.slice(0, 2), delivered)
      const now = yield* DateTime.now
      const before = (hours: number) => DateTime.toDateUtc(DateTime.subtract(now, { hours }))
      const within = (filter: object) =>
        Effect.map(deliveries.list(UserId.make("range"), webhook.id, filter, only), ({ items }) =>
          items.map(({ id }) => id)
        )
      const ids = claims.map(({ deliveryId }) => deliveryId)
      assert.deepStrictEqual(yield* within({ since: before(2.5) }), [ids[2], ids[1]])
      assert.deepStrictEqual(yield* within({ until: before(1.5) }), [ids[1], ids[0]])
      assert.deepStrictEqual(yield* within({ since: before(2.5), until: before(1.5) }), [ids[1]])
    })
  )

  it.effect("shows every attempt of a delivery", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("attempts", 1)
      yield* finish(dispatcher, claims, retryIn(0), {
        responseStatus: null,
        responseHeaders: null,
        responseBody: null,
        error: "No answer"
      })
      yield* finish(dispatcher, yield* claimDue(dispatcher), delivered)
      const delivery = yield* deliveries.get(userId, webhook.id, claims[0]?.deliveryId ?? "")
      assert.deepInclude(delivery, { status: "delivered", attemptCount: 2, error: null })
      assert.deepStrictEqual(
        delivery.attempts.map(({ startedAt: _, ...attempt }) => ({ ...attempt })),
        [
          {
            number: 1,
            durationMs: 42,
            isManual: false,
            responseStatus: null,
            responseHeaders: null,
            responseBody: null,
            error: "No answer"
          },
          {
            number: 2,
            durationMs: 42,
            isManual: false,
            responseStatus: 200,
            responseHeaders: { "content-type": "text/plain" },
            responseBody: "ok",
            error: null
          }
        ]
      )
      yield* sql`DELETE FROM nexus.event WHERE user_id = 'attempts'`
      assert.isNull((yield* deliveries.get(userId, webhook.id, delivery.id)).payload)
    })
  )

  it.effect("gives the payload as it was written: key order, numbers, half surrogates and NUL", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const payload = String.raw`{"z":1.0,"big":12345678901234567890,"exp":1e2,"a":"\ud800\u0000","data":{"n":[0.10,-0]}}`
      const { userId, webhook } = yield* scene("exact", 1, payload)
      const { items } = yield* deliveries.list(userId, webhook.id, {}, only)
      const encoded = yield* Schema.encodeEffect(Schema.toCodecJson(Schema.Array(Delivery)))(items)
      assert.include(JSON.stringify(encoded), `"payload":${payload}`)
    })
  )

  it.effect("keeps users and webhooks apart, and takes any text for an id", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const { webhook, claims } = yield* scene("mine", 1)
      const { webhook: other } = yield* createWebhook("mine")
      const id = claims[0]?.deliveryId ?? ""
      const eve = UserId.make("eve")
      for (const attempt of [
        Effect.flip(deliveries.list(eve, webhook.id, {}, only)),
        Effect.flip(deliveries.get(eve, webhook.id, id)),
        Effect.flip(deliveries.retry(eve, webhook.id, id)),
        Effect.flip(deliveries.sendTest(eve, webhook.id)),
        Effect.flip(deliveries.list(eve, "nonsense", {}, only))
      ]) {
        assert.strictEqual((yield* attempt)._tag, "WebhookNotFound")
      }
      const me = UserId.make("mine")
      for (const unknown of [nobody, "nonsense", `${id}x`]) {
        assert.strictEqual((yield* Effect.flip(deliveries.get(me, webhook.id, unknown)))._tag, "DeliveryNotFound")
        assert.strictEqual((yield* Effect.flip(deliveries.retry(me, webhook.id, unknown)))._tag, "DeliveryNotFound")
      }
      assert.strictEqual((yield* Effect.flip(deliveries.get(me, other.id, id)))._tag, "DeliveryNotFound")
      assert.strictEqual((yield* Effect.flip(deliveries.retry(me, other.id, id)))._tag, "DeliveryNotFound")
    })
  )

  it.effect("shows what a paused webhook holds, and attempts it when a person asks", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const webhooks = yield* Webhooks
      const { userId, webhook, dispatcher, claims } = yield* scene("held", 1)
      const id = String(claims[0]?.deliveryId)
      yield* finish(dispatcher, claims, retryIn(0))
      yield* webhooks.update(actor("held"), webhook.id, new WebhookPatch({ isActive: false }))
      const status = Effect.map(deliveries.get(userId, webhook.id, id), (delivery) => delivery.status)
      assert.strictEqual(yield* status, "held")
      assert.deepStrictEqual(yield* claimDue(dispatcher), [])
      yield* deliveries.retry(userId, webhook.id, id)
      assert.strictEqual(yield* status, "pending")
      const asked = yield* claimDue(dispatcher)
      assert.deepInclude(asked[0], { isManual: true, attemptCount: 1 })
    })
  )

  it.effect("a retry takes the place of the pending attempt, and the round goes on after it", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("hasty", 1)
      const id = String(claims[0]?.deliveryId)
      yield* finish(dispatcher, claims, retryIn(3_600_000))
      assert.deepStrictEqual(yield* claimDue(dispatcher), [])
      yield* deliveries.retry(userId, webhook.id, id)
      const asked = yield* claimDue(dispatcher)
      assert.deepInclude(asked[0], { isManual: true, attemptCount: 1, maxAttempts: 5 })
      yield* finish(dispatcher, asked, retryIn(0))
      assert.deepInclude((yield* claimDue(dispatcher))[0], { isManual: false, attemptCount: 2 })
    })
  )

  it.effect("a retry of what is being attempted follows a failure at once, however often it was asked for", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("busy", 2)
      for (const { deliveryId } of claims) {
        yield* deliveries.retry(userId, webhook.id, deliveryId)
        yield* deliveries.retry(userId, webhook.id, deliveryId)
      }
      const [first, second] = claims
      if (first === undefined || second === undefined) return assert.fail("no claims")
      yield* complete(dispatcher, [yield* outcomeOf(first, failed), yield* outcomeOf(second, delivered)])
      assert.deepStrictEqual(
        (yield* claimDue(dispatcher)).map(({ deliveryId, isManual, maxAttempts }) => ({
          deliveryId,
          isManual,
          maxAttempts
        })),
        [{ deliveryId: first.deliveryId, isManual: true, maxAttempts: 6 }]
      )
      assert.strictEqual((yield* deliveries.get(userId, webhook.id, second.deliveryId)).status, "delivered")
    })
  )

  it.effect("a retry of a finished delivery begins a round of one attempt, counted on", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("again", 2)
      yield* finish(dispatcher, claims.slice(0, 1), failed)
      yield* finish(dispatcher, claims.slice(1), delivered)
      const ends: Array<DeliveryStatus> = []
      for (const { deliveryId } of claims) {
        yield* Effect.forEach([1, 2, 3], () => deliveries.retry(userId, webhook.id, deliveryId), { concurrency: 3 })
        assert.strictEqual((yield* deliveries.get(userId, webhook.id, deliveryId)).status, "pending")
        const listed = yield* deliveries.list(userId, webhook.id, {}, only)
        assert.deepStrictEqual(
          listed.items.map(({ id, status }) => ({ id, isOpen: status === "pending" })),
          claims.map(({ deliveryId: id }) => ({ id, isOpen: id === deliveryId })).reverse()
        )
        const asked = yield* claimDue(dispatcher)
        assert.deepStrictEqual(
          asked.map(({ deliveryId: id, isManual, attemptCount, attemptsBefore, maxAttempts }) => ({
            id,
            isManual,
            attemptCount,
            attemptsBefore,
            maxAttempts
          })),
          [{ id: deliveryId, isManual: true, attemptCount: 1, attemptsBefore: 1, maxAttempts: 1 }]
        )
        yield* finish(dispatcher, asked, ends.length === 0 ? delivered : failed)
        const delivery = yield* deliveries.get(userId, webhook.id, deliveryId)
        assert.deepStrictEqual(
          delivery.attempts.map(({ number, isManual }) => ({ number, isManual })),
          [
            { number: 1, isManual: false },
            { number: 2, isManual: true }
          ]
        )
        ends.push(delivery.status)
      }
      assert.deepStrictEqual(ends, ["delivered", "failed"])
      assert.strictEqual((yield* deliveries.list(userId, webhook.id, {}, only)).items.length, 2)
    })
  )

  it.effect("says that the event is no longer kept when a retry comes too late", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const deliveries = yield* Deliveries
      const { userId, webhook, dispatcher, claims } = yield* scene("late", 1)
      yield* finish(dispatcher, claims, failed)
      yield* sql`DELETE FROM nexus.event WHERE user_id = 'late'`
      const error = yield* Effect.flip(deliveries.retry(userId, webhook.id, claims[0]?.deliveryId ?? ""))
      assert.strictEqual(error._tag, "EventExpired")
      assert.match(error.message, /no longer kept/)
    })
  )

  it.effect("sends the example of an event type to one webhook, even a paused one, in a single attempt", () =>
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const { webhook } = yield* createWebhook("tester", { events: ["*", "LINK_CLICK"], isActive: false })
      yield* createWebhook("tester")
      const tester = UserId.make("tester")
      const sent = yield* deliveries.sendTest(tester, webhook.id)
      const named = yield* deliveries.sendTest(tester, webhook.id, "WEBHOOK_DISABLED")
      const claims = yield* claimDue(yield* lease)
      assert.deepStrictEqual(
        claims.map(({ deliveryId, eventId, eventType, isManual, maxAttempts }) => ({
          deliveryId,
          eventId,
          eventType,
          isManual,
          maxAttempts
        })),
        [
          { ...sent, eventType: "LINK_CLICK", isManual: true, maxAttempts: 1 },
          { ...named, eventType: "WEBHOOK_DISABLED", isManual: true, maxAttempts: 1 }
        ]
      )
      assert.match(
        claims[0]?.body ?? "",
        /^\{"event":"LINK_CLICK","timestamp":"[^"]{24}","data":\{"cardId": "card-123"/
      )
      for (const type of ["NOPE", "\u0000", ""]) {
        assert.strictEqual((yield* Effect.flip(deliveries.sendTest(tester, webhook.id, type)))._tag, "InvalidWebhook")
      }
    })
  )
})
