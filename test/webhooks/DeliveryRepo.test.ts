import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { AttemptId } from "../../src/domain/Ids.ts"
import { DeliveryRepo } from "../../src/webhooks/DeliveryRepo.ts"
import { LeaseRepo } from "../../src/webhooks/LeaseRepo.ts"
import {
  claimDue,
  complete,
  delivered,
  failed,
  fanOut,
  finish,
  gone,
  lease,
  outcomeOf,
  retryIn,
  roomy,
  start
} from "../support/Claims.ts"
import { DispatchingLayer, emit, subscribe } from "../support/Dispatching.ts"
import { audited } from "../support/People.ts"

/** A webhook, and `count` claimed deliveries to it. */
const scene = Effect.fnUntraced(function* (user: string, count: number, columns: Record<string, number | string> = {}) {
  const sql = yield* PgClient.PgClient
  const webhook = yield* subscribe(user, "https://example.com/hook", ["CARD_VIEW"], columns)
  yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload) SELECT ${user}, 'CARD_VIEW', '{}' FROM generate_series(1, ${count})`
  const dispatcher = yield* lease
  const claims = yield* fanOut(dispatcher)
  const [first] = claims
  return first === undefined ? yield* Effect.die("no claim") : { webhook, dispatcher, claims, first }
})

const webhookOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{
    isActive: boolean
    failures: number
    failing: boolean
    reason: string | null
    disabled: boolean
  }>`
    SELECT is_active, consecutive_failures AS failures, failing_since IS NOT NULL AS failing, disabled_reason AS reason,
      disabled_at IS NOT NULL AS disabled FROM nexus.webhook_subscription WHERE id = ${id}::uuid`
  return row
})

const openOf = Effect.fnUntraced(function* (webhookId: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql<{ attemptCount: number; isManual: boolean; claimed: boolean }>`
    SELECT attempt_count, is_manual, claimed_by IS NOT NULL AS claimed FROM nexus.delivery WHERE webhook_id = ${webhookId}::uuid`
})

const historyOf = Effect.fnUntraced(function* (webhookId: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql<{ state: string; attemptCount: number }>`
    SELECT state, attempt_count FROM nexus.delivery_history WHERE webhook_id = ${webhookId}::uuid ORDER BY id`
})

const attemptsOf = Effect.fnUntraced(function* (deliveryId: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql`SELECT number FROM nexus.attempt WHERE delivery_id = ${deliveryId}::uuid ORDER BY number`
})

const clean = { isActive: true, failures: 0, failing: false, reason: null, disabled: false }

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("DeliveryRepo", (it) => {
  it.effect("moves a success to the history, with its attempt; repeating the flush changes nothing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, first } = yield* scene("success", 1)
      const outcomes = [yield* outcomeOf(first, delivered)]
      for (let flush = 0; flush < 3; flush++) yield* complete(dispatcher, outcomes)
      assert.deepStrictEqual(yield* openOf(webhook.id), [])
      assert.deepStrictEqual(yield* historyOf(webhook.id), [{ state: "DELIVERED", attemptCount: 1 }])
      const attempts = yield* sql`
        SELECT number, is_manual, response_status, response_headers, response_body, error, duration_ms,
          now() - started_at BETWEEN interval '90 milliseconds' AND interval '1 minute' AS is_timed
        FROM nexus.attempt WHERE delivery_id = ${first.deliveryId}::uuid`
      assert.deepStrictEqual(attempts, [
        {
          number: 1,
          isManual: false,
          responseStatus: 200,
          responseHeaders: '{"content-type":"text/plain"}',
          responseBody: "ok",
          error: null,
          durationMs: 42,
          isTimed: true
        }
      ])
    })
  )

  it.effect("makes the next attempt due after the delay, and repeating the flush does not give it back twice", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, first } = yield* scene("retry", 1)
      const outcomes = [yield* outcomeOf(first, retryIn(2000))]
      yield* complete(dispatcher, outcomes)
      const [due] = yield* sql<{ in: number }>`
        SELECT round(extract(epoch FROM next_attempt_at - now()) * 10)::int AS in FROM nexus.delivery WHERE webhook_id = ${webhook.id}::uuid`
      assert.isAtMost(due?.in ?? 99, 20)
      assert.isAtLeast(due?.in ?? 0, 1)
      assert.deepStrictEqual(yield* claimDue(dispatcher), [])
      yield* sql`UPDATE nexus.delivery SET next_attempt_at = now() WHERE webhook_id = ${webhook.id}::uuid`
      const [again] = yield* claimDue(dispatcher)
      assert.deepInclude(again, { attemptCount: 1, attemptsBefore: 0 })
      yield* complete(yield* lease, outcomes)
      assert.deepStrictEqual(yield* openOf(webhook.id), [{ attemptCount: 1, isManual: false, claimed: true }])
      assert.strictEqual((yield* attemptsOf(first.deliveryId)).length, 1)
    })
  )

  it.effect("records a late success, whoever holds the delivery by now", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      const { webhook, dispatcher, first } = yield* scene("late", 1)
      yield* leases.end(dispatcher)
      const peer = yield* lease
      assert.strictEqual((yield* claimDue(peer)).length, 1)
      yield* finish(dispatcher, [first], delivered)
      assert.deepStrictEqual(yield* openOf(webhook.id), [])
      assert.deepStrictEqual(yield* historyOf(webhook.id), [{ state: "DELIVERED", attemptCount: 1 }])
      // What the peer made of it meanwhile is one more attempt, and undoes nothing.
      yield* finish(peer, [first], failed)
      assert.deepStrictEqual(yield* historyOf(webhook.id), [{ state: "DELIVERED", attemptCount: 1 }])
      assert.deepStrictEqual(yield* webhookOf(webhook.id), clean)
      assert.strictEqual((yield* attemptsOf(first.deliveryId)).length, 2)
    })
  )

  it.effect("records a success that comes after a failure was final", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      const { webhook, dispatcher, first } = yield* scene("overturned", 1)
      yield* leases.end(dispatcher)
      const peer = yield* lease
      yield* finish(peer, yield* claimDue(peer), failed)
      const late = [yield* outcomeOf(first, delivered)]
      yield* complete(dispatcher, late)
      yield* complete(dispatcher, late)
      assert.deepStrictEqual(
        (yield* historyOf(webhook.id)).map(({ state }) => state),
        ["FAILED", "DELIVERED"]
      )
      assert.deepInclude(yield* webhookOf(webhook.id), { failures: 0, failing: false })
    })
  )

  it.effect("a late failure undoes nothing: not a claim of a peer, not its end", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      const { webhook, dispatcher, claims } = yield* scene("stale", 2)
      yield* leases.end(dispatcher)
      const peer = yield* lease
      const taken = yield* claimDue(peer)
      yield* finish(dispatcher, claims.slice(0, 1), failed)
      yield* finish(dispatcher, claims.slice(1), retryIn(0))
      assert.deepStrictEqual(
        yield* openOf(webhook.id),
        Array(2).fill({ attemptCount: 0, isManual: false, claimed: true })
      )
      yield* finish(peer, taken, delivered)
      yield* finish(dispatcher, claims, failed)
      assert.deepStrictEqual(
        (yield* historyOf(webhook.id)).map(({ state }) => state),
        ["DELIVERED", "DELIVERED"]
      )
      assert.deepStrictEqual(yield* webhookOf(webhook.id), clean)
    })
  )

  it.effect("a retry that a person asked for meanwhile follows a failure at once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, claims } = yield* scene("asked", 2)
      yield* sql`UPDATE nexus.delivery SET is_manual = true, max_attempts = max_attempts + 1 WHERE webhook_id = ${webhook.id}::uuid`
      yield* finish(dispatcher, claims.slice(0, 1), failed)
      yield* finish(dispatcher, claims.slice(1), retryIn(3_600_000))
      const asked = yield* claimDue(dispatcher)
      assert.deepStrictEqual(
        asked.map(({ isManual, attemptCount }) => ({ isManual, attemptCount })),
        Array(2).fill({ isManual: true, attemptCount: 1 })
      )
      yield* finish(dispatcher, asked.slice(0, 1), failed)
      yield* finish(dispatcher, asked.slice(1), retryIn(0))
      assert.deepStrictEqual(yield* openOf(webhook.id), [{ attemptCount: 2, isManual: false, claimed: false }])
      assert.deepStrictEqual(yield* webhookOf(webhook.id), clean)
      yield* finish(dispatcher, yield* claimDue(dispatcher), delivered)
    })
  )

  it.effect("disables a webhook after ten failures in a row, says so to its owner, and holds what is open", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, claims } = yield* scene("ten", 14)
      const witness = yield* subscribe("ten", "https://example.com/witness", ["WEBHOOK_DISABLED"])
      yield* finish(dispatcher, claims.slice(0, 9), failed)
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: true, failures: 9, failing: true })
      yield* finish(dispatcher, claims.slice(9, 10), delivered)
      assert.deepStrictEqual(yield* webhookOf(webhook.id), clean)
      yield* finish(dispatcher, yield* Effect.sync(() => claims.slice(10, 12)), failed)
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: true, failures: 2 })
      yield* sql`UPDATE nexus.webhook_subscription SET consecutive_failures = 9 WHERE id = ${webhook.id}::uuid`
      const error = "The receiver answered 503 Service Unavailable"
      assert.deepStrictEqual(yield* finish(dispatcher, claims.slice(12, 13), failed, { error }), [webhook.id])

      const reason = `10 deliveries in a row failed; the last: ${error}`
      assert.deepStrictEqual(yield* webhookOf(webhook.id), {
        isActive: false,
        failures: 10,
        failing: true,
        reason,
        disabled: true
      })
      assert.deepStrictEqual(yield* audited(webhook.id), [
        { userId: "ten", actor: "dispatcher", action: "webhook.disabled", detail: { reason }, address: null }
      ])
      const announced = yield* fanOut(dispatcher)
      assert.deepStrictEqual(
        announced.map(({ webhookId, eventType }) => ({ webhookId, eventType })),
        [{ webhookId: witness.id, eventType: "WEBHOOK_DISABLED" }]
      )
      const { data } = JSON.parse(announced[0]?.body ?? "{}")
      assert.deepInclude(data, { webhookId: webhook.id, url: "https://example.com/hook", reason })
      assert.match(data.disabledAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

      yield* finish(dispatcher, claims.slice(13), retryIn(0))
      assert.deepStrictEqual(yield* claimDue(dispatcher), [])
      yield* sql`UPDATE nexus.webhook_subscription SET is_active = true WHERE id = ${webhook.id}::uuid`
      assert.strictEqual((yield* claimDue(dispatcher)).length, 1)
    })
  )

  it.effect("counts a whole flush in the order of its attempts", () =>
    Effect.gen(function* () {
      const { webhook, dispatcher, claims } = yield* scene("mixed", 24)
      const verdicts = claims.map((_, index) => (index === 9 || index === 20 ? delivered : failed))
      const { attempt } = yield* outcomeOf(claims[0] ?? (yield* Effect.die("no claim")), failed)
      // Ids of attempts begin with their time; these are all of one millisecond, in order.
      const id = (index: number) => AttemptId.make(attempt.id.slice(0, 24) + String(index).padStart(12, "0"))
      const outcomes = yield* Effect.forEach(claims, (claim, index) =>
        outcomeOf(claim, verdicts[index] ?? failed, { id: id(index) })
      )
      assert.deepStrictEqual(yield* complete(dispatcher, outcomes), [])
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: true, failures: 3, failing: true })
    })
  )

  it.effect("disables a webhook at once whose receiver is gone, unless a person asked for the attempt", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, claims } = yield* scene("gone", 2)
      yield* sql`UPDATE nexus.delivery SET is_manual = true WHERE webhook_id = ${webhook.id}::uuid`
      yield* finish(
        dispatcher,
        claims.slice(0, 1).map((claim) => ({ ...claim, isManual: true })),
        gone
      )
      assert.deepStrictEqual(yield* webhookOf(webhook.id), clean)
      yield* sql`UPDATE nexus.delivery SET is_manual = false WHERE webhook_id = ${webhook.id}::uuid`
      assert.deepStrictEqual(yield* finish(dispatcher, claims.slice(1), gone), [webhook.id])
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: false, reason: "The receiver answered 410 Gone." })
      assert.deepStrictEqual(
        (yield* historyOf(webhook.id)).map(({ state }) => state),
        ["FAILED", "FAILED"]
      )
    })
  )

  it.effect("attempts that a person asked for count neither way", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, claims } = yield* scene("manual", 12)
      yield* sql`UPDATE nexus.webhook_subscription SET consecutive_failures = 5, failing_since = now() WHERE id = ${webhook.id}::uuid`
      yield* sql`UPDATE nexus.delivery SET is_manual = true WHERE webhook_id = ${webhook.id}::uuid`
      const asked = claims.map((claim) => ({ ...claim, isManual: true }))
      yield* finish(dispatcher, asked.slice(0, 11), failed)
      yield* finish(dispatcher, asked.slice(11), delivered)
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: true, failures: 5, failing: true })
    })
  )

  it.effect("waits for the webhook's minimum span of failing before it disables it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook, dispatcher, claims } = yield* scene("patient", 12, { disableAfterSeconds: 3600 })
      yield* finish(dispatcher, claims.slice(0, 11), failed)
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: true, failures: 11 })
      yield* sql`UPDATE nexus.webhook_subscription SET failing_since = now() - interval '61 minutes' WHERE id = ${webhook.id}::uuid`
      yield* finish(dispatcher, claims.slice(11), failed)
      assert.deepInclude(yield* webhookOf(webhook.id), { isActive: false, failures: 12 })
    })
  )

  it.effect("claims what a person asked for first, then webhook by webhook as far as there is room", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const deliveries = yield* DeliveryRepo
      const { webhook: one, dispatcher } = yield* scene("crowd", 6)
      const two = yield* subscribe("crowd", "https://example.com/two", ["CARD_VIEW"])
      const three = yield* subscribe("crowd", "https://example.com/three", ["CARD_VIEW"])
      for (let index = 0; index < 6; index++) yield* emit("crowd", "CARD_VIEW", "{}")
      yield* fanOut(dispatcher)
      yield* sql`UPDATE nexus.delivery SET claimed_by = NULL WHERE user_id = 'crowd'`
      yield* sql`UPDATE nexus.webhook_subscription SET is_active = false WHERE id = ${three.id}::uuid`
      const [asked] = yield* sql<{ id: string }>`
        UPDATE nexus.delivery SET is_manual = true WHERE id = (SELECT max(id::text)::uuid FROM nexus.delivery WHERE webhook_id = ${two.id}::uuid) RETURNING id`
      const room = { total: 100, perWebhook: 3, taken: [{ webhookId: two.id, free: 2 }] }
      const claims = yield* deliveries.claim(dispatcher, start, room)
      const of = (id: string) => claims.filter(({ webhookId, isManual }) => webhookId === id && !isManual).length
      assert.deepStrictEqual([of(one.id), of(two.id), of(three.id)], [3, 2, 0])
      assert.deepStrictEqual(
        claims.filter(({ isManual }) => isManual).map(({ deliveryId }) => String(deliveryId)),
        [asked?.id]
      )
      // The next round begins after a webhook and leaves out what is claimed.
      const after = yield* deliveries.claim(dispatcher, one.id, { total: 100, perWebhook: 100, taken: [] })
      assert.deepStrictEqual([...new Set(after.map(({ webhookId }) => webhookId))], [two.id])
      assert.strictEqual((yield* deliveries.claim(dispatcher, start, { ...roomy, total: 4 })).length, 4)
    })
  )

  it.effect("claims each delivery once, however many dispatchers look, and none under an ended lease", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const leases = yield* LeaseRepo
      const { webhook, dispatcher } = yield* scene("many", 300)
      yield* sql`UPDATE nexus.delivery SET claimed_by = NULL WHERE webhook_id = ${webhook.id}::uuid`
      yield* leases.end(dispatcher)
      assert.deepStrictEqual(yield* claimDue(dispatcher), [])
      const peers = yield* Effect.all(Array.from({ length: 6 }, () => lease))
      const claims = (yield* Effect.forEach(peers, (peer) => claimDue(peer, { ...roomy, perWebhook: 90 }), {
        concurrency: "unbounded"
      })).flat()
      const rest = yield* claimDue(peers[0] ?? dispatcher)
      const ids = [...claims, ...rest]
        .filter(({ webhookId }) => webhookId === webhook.id)
        .map(({ deliveryId }) => deliveryId)
      assert.strictEqual(ids.length, 300)
      assert.strictEqual(new Set(ids).size, 300)
    })
  )

  it.effect("gives back only what the dispatcher holds", () =>
    Effect.gen(function* () {
      const deliveries = yield* DeliveryRepo
      const { webhook, dispatcher, claims } = yield* scene("back", 3)
      const ids = claims.map(({ deliveryId }) => deliveryId)
      yield* deliveries.giveBack(yield* lease, ids)
      assert.strictEqual((yield* openOf(webhook.id)).filter(({ claimed }) => claimed).length, 3)
      yield* deliveries.giveBack(dispatcher, ids.slice(1))
      assert.strictEqual((yield* openOf(webhook.id)).filter(({ claimed }) => claimed).length, 1)
    })
  )
})
