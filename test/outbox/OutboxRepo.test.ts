import { PgClient, PgConnection } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { OutboxRepo } from "../../src/outbox/OutboxRepo.ts"
import { LeaseRepo } from "../../src/webhooks/LeaseRepo.ts"
import { fanOut, lease, roomy } from "../support/Claims.ts"
import { DispatchingLayer, emit, subscribe } from "../support/Dispatching.ts"

const url = "https://example.com/hook"

/** Dead letters of a user, with their reasons. */
const dead = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql<{
    id: string
    reason: string
  }>`SELECT id, reason FROM nexus.dead_letter WHERE user_id = ${userId} ORDER BY id`
})

const insert = Effect.fnUntraced(function* (row: {
  userId: string
  eventType?: string
  payload?: string
  key?: string
  isSystem?: boolean
}) {
  const sql = yield* PgClient.PgClient
  const [made] = yield* sql<{ id: string }>`
    INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key, is_system)
    VALUES (${row.userId}, ${row.eventType ?? "CARD_VIEW"}, ${row.payload ?? "{}"}::text::json, ${row.key ?? null}, ${row.isSystem ?? false})
    RETURNING id`
  return made?.id ?? ""
})

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("OutboxRepo", (it) => {
  it.effect("buries what can't be an event, each with its reason, and sends the rows beside it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* subscribe("poison", url)
      const long = "u".repeat(256)
      const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`
      const good = [
        yield* insert({ userId: "poison" }),
        yield* insert({ userId: "poison", payload: nested(128) }),
        yield* insert({ userId: "poison", payload: `{"a":"${"x".repeat(262_144 - 8)}"}` }),
        yield* insert({ userId: "poison", payload: `{"a":"${"[{".repeat(500)}\\""}` })
      ]
      const bad = [
        { row: { userId: "poison", eventType: "NO_SUCH_TYPE" }, reason: /^The event type "NO_SUCH_TYPE" is unknown/ },
        { row: { userId: "poison", eventType: "WEBHOOK_DISABLED" }, reason: /reserved for the service itself/ },
        { row: { userId: "poison", payload: "[1]" }, reason: /JSON of type array; it must be an object/ },
        { row: { userId: "poison", payload: "null" }, reason: /JSON of type null; it must be an object/ },
        {
          row: { userId: "poison", payload: `{"a":"${"x".repeat(262_144 - 7)}"}` },
          reason: /has 262145 bytes; at most 262144/
        },
        { row: { userId: "poison", payload: nested(129) }, reason: /deeper than 128 levels/ },
        {
          row: { userId: "poison", key: "k".repeat(256) },
          reason: /The idempotency key is longer than 255 characters/
        },
        { row: { userId: "" }, reason: /The user id is empty/ },
        { row: { userId: long }, reason: /The user id is longer than 255 characters/ }
      ]
      for (const { row } of bad) yield* insert(row)
      const claims = yield* fanOut(yield* lease)
      assert.deepStrictEqual(
        claims.map(({ eventId }) => String(eventId)),
        good
      )
      const letters = [...(yield* dead("poison")), ...(yield* dead("")), ...(yield* dead(long))]
      assert.strictEqual(letters.length, bad.length)
      for (const [index, { reason }] of bad.entries()) assert.match(letters[index]?.reason ?? "", reason)
      assert.deepStrictEqual(yield* sql`SELECT 1 FROM nexus.outbox`, [])
    })
  )

  it.effect("lets the service itself emit system events", () =>
    Effect.gen(function* () {
      yield* subscribe("system", url, ["*"])
      const named = yield* subscribe("system", url, ["WEBHOOK_DISABLED"])
      yield* insert({ userId: "system", eventType: "WEBHOOK_DISABLED", isSystem: true })
      assert.deepStrictEqual(
        (yield* fanOut(yield* lease)).map(({ webhookId }) => webhookId),
        [named.id]
      )
    })
  )

  it.effect("takes one event for the same key of the same user within 24 hours, also within one batch", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* subscribe("keys", url)
      yield* subscribe("others", url)
      const dispatcher = yield* lease
      const first = yield* insert({ userId: "keys", key: "k" })
      yield* insert({ userId: "keys", key: "k" })
      const free = [yield* insert({ userId: "keys" }), yield* insert({ userId: "keys" })]
      const other = yield* insert({ userId: "others", key: "k" })
      assert.deepStrictEqual(
        (yield* fanOut(dispatcher)).map(({ eventId }) => String(eventId)),
        [first, ...free, other]
      )
      yield* insert({ userId: "keys", key: "k" })
      assert.deepStrictEqual(yield* fanOut(dispatcher), [])
      yield* sql`UPDATE nexus.event_key SET created_at = now() - interval '25 hours' WHERE user_id = 'keys'`
      const later = yield* insert({ userId: "keys", key: "k" })
      assert.deepStrictEqual(
        (yield* fanOut(dispatcher)).map(({ eventId }) => String(eventId)),
        [later]
      )
      assert.deepStrictEqual(yield* dead("keys"), [])
    })
  )

  it.effect("takes one event for a key when two dispatchers fan out at once, and every row once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* subscribe("race", url)
      const dispatchers = yield* Effect.all([lease, lease, lease])
      for (let round = 0; round < 10; round++) {
        yield* sql`
          INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key)
          SELECT 'race', 'CARD_VIEW', '{}', ${`${round}-`} || i / 2 FROM generate_series(0, 19) AS i`
        const outbox = yield* OutboxRepo
        const batches = yield* Effect.forEach([...dispatchers, ...dispatchers], (id) => outbox.fanOut(id, 7, roomy), {
          concurrency: "unbounded"
        })
        const rest = yield* fanOut(dispatchers[0])
        const claims = [...batches.flatMap((batch) => batch.claims), ...rest]
        assert.strictEqual(claims.length, 10)
        assert.strictEqual(new Set(claims.map(({ deliveryId }) => deliveryId)).size, 10)
      }
    })
  )

  it.effect("passes over rows that another dispatcher is taking", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* subscribe("locked", url)
      const mine = yield* insert({ userId: "locked" })
      const theirs = yield* insert({ userId: "locked" })
      const dispatcher = yield* lease
      const other = yield* PgConnection.make(sql.config)
      yield* other.query("BEGIN")
      yield* other.query("SELECT 1 FROM nexus.outbox WHERE id = $1::uuid FOR UPDATE", [theirs])
      assert.deepStrictEqual(
        (yield* fanOut(dispatcher)).map(({ eventId }) => String(eventId)),
        [mine]
      )
      yield* other.query("ROLLBACK")
      assert.deepStrictEqual(
        (yield* fanOut(dispatcher)).map(({ eventId }) => String(eventId)),
        [theirs]
      )
    })
  )

  it.effect("claims as far as there is room, in all and for each webhook, and leaves the rest to whoever comes", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const outbox = yield* OutboxRepo
      const one = yield* subscribe("room", url)
      const two = yield* subscribe("room", url)
      for (let index = 0; index < 4; index++) yield* insert({ userId: "room" })
      const room = { total: 7, perWebhook: 3, taken: [{ webhookId: two.id, free: 1 }] }
      const result = yield* outbox.fanOut(yield* lease, 500, room)
      const of = (id: string) => result.claims.filter(({ webhookId }) => webhookId === id).length
      assert.deepStrictEqual([of(one.id), of(two.id), result.taken, result.unclaimed], [3, 1, 4, 4])
      const [left] =
        yield* sql`SELECT count(*)::int AS count FROM nexus.delivery WHERE user_id = 'room' AND claimed_by IS NULL`
      assert.deepStrictEqual(left, { count: 4 })
    })
  )

  it.effect("takes nothing under a lease that has ended", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      yield* subscribe("ended", url)
      const dispatcher = yield* lease
      yield* leases.end(dispatcher)
      yield* insert({ userId: "ended" })
      assert.deepStrictEqual(yield* fanOut(dispatcher), [])
      assert.strictEqual((yield* fanOut(yield* lease)).length, 1)
    })
  )

  it.effect("sends nothing to webhooks that are paused, and keeps the event", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhook = yield* subscribe("paused", url)
      yield* sql`UPDATE nexus.webhook_subscription SET is_active = false WHERE id = ${webhook.id}::uuid`
      const id = yield* insert({ userId: "paused" })
      assert.deepStrictEqual(yield* fanOut(yield* lease), [])
      assert.deepStrictEqual(yield* sql`SELECT id FROM nexus.event WHERE user_id = 'paused'`, [{ id }])
    })
  )

  it.effect("gives the same delivery id for the same event and webhook, ordered as the events are", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const webhook = yield* subscribe("order", url)
      yield* subscribe("order", url)
      for (let index = 0; index < 20; index++) yield* insert({ userId: "order" })
      const claims = yield* fanOut(yield* lease)
      assert.strictEqual(new Set(claims.map(({ deliveryId }) => deliveryId)).size, 40)
      const own = claims.filter(({ webhookId }) => webhookId === webhook.id)
      for (const { eventId, webhookId, deliveryId } of own) {
        const [row] = yield* sql`SELECT nexus.delivery_id(${eventId}::uuid, ${webhookId}::uuid) AS id`
        assert.deepStrictEqual(row, { id: deliveryId })
        assert.match(deliveryId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
        assert.strictEqual(deliveryId.slice(0, 18), eventId.slice(0, 18))
      }
    })
  )

  it.effect("carries any object through as it was written", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* subscribe("verbatim", url)
      const number = fc.oneof(
        fc.constantFrom("1.0", "1e2", "-0", "0.10", "12345678901234567890", "1E-7", "1.50"),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)
      )
      const text = fc.string({ unit: "binary", maxLength: 20 }).map((value) => JSON.stringify(value))
      const escaped = fc.constantFrom(
        String.raw`"\u0000"`,
        String.raw`"\ud800"`,
        String.raw`"\/\u00e9"`,
        '"data"',
        '"}]"'
      )
      const space = fc.constantFrom("", " ", "\n", "\t ")
      const member = fc.tuple(
        text,
        space,
        fc.oneof(number, text, escaped, fc.constantFrom("[ ]", "{}", "null", '[1, {"b":2,"a":1}]'))
      )
      const object = fc
        .array(member, { maxLength: 5 })
        .map((members) => `{${members.map(([key, gap, value]) => `${key}:${gap}${value}`).join(",")}}`)
      const payloads = fc.sample(object, { numRuns: 300, seed: 11 })
      yield* sql`
        INSERT INTO nexus.outbox (user_id, event_type, payload, created_at)
        SELECT 'verbatim', 'CARD_VIEW', payload::json, '2025-11-20T10:30:00.123987Z' FROM unnest(${payloads}::text[]) WITH ORDINALITY AS _ (payload, n) ORDER BY n`
      const claims = yield* fanOut(yield* lease)
      const head = '{"event":"CARD_VIEW","timestamp":"2025-11-20T10:30:00.123Z","data":'
      assert.deepStrictEqual(
        claims.map(({ body }) => body).sort(),
        payloads.map((payload) => `${head}${payload}}`).sort()
      )
    })
  )

  it.effect("leaves a malformed traceparent out, which could not be sent as a header", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* subscribe("traced", url)
      const good = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
      const bad = ["", "evil\r\nx-injected: 1", "ünïcode", `${good}\n`, `00-${"0".repeat(32)}-${"b".repeat(16)}-01`]
      yield* sql`
        INSERT INTO nexus.outbox (user_id, event_type, payload, traceparent)
        SELECT 'traced', 'CARD_VIEW', '{}', traceparent FROM unnest(${[good, ...bad]}::text[]) AS traceparent`
      const claims = yield* fanOut(yield* lease)
      assert.deepStrictEqual(
        claims.map(({ traceparent }) => traceparent).filter((each) => each !== null),
        [good]
      )
      assert.lengthOf(claims, bad.length + 1)
    })
  )

  it.effect("asks producers for one notification, and only while a dispatcher sleeps", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const outbox = yield* OutboxRepo
      const flag = sql<{ lastValue: bigint }>`SELECT last_value FROM nexus.sleeper`.pipe(
        Effect.map((rows) => Number(rows[0]?.lastValue))
      )
      assert.strictEqual(yield* flag, 1)
      yield* outbox.arm
      assert.strictEqual(yield* flag, 2)
      yield* emit("nobody", "CARD_VIEW", "{}")
      assert.strictEqual(yield* flag, 1)
      yield* fanOut(yield* lease)
    })
  )
})
