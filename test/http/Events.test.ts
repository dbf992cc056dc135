import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { TestApi } from "../support/TestApi.ts"

const events = "/integrations/events"
const types = "/integrations/event-types"

const stored = (id: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql<Record<"userId" | "eventType" | "payload" | "traceparent" | "idempotencyKey", string | null>>`
      SELECT user_id, event_type, payload::text, traceparent, idempotency_key FROM nexus.outbox WHERE id = ${id}::uuid`
  )

layer(TestApi.layer(), { excludeTestServices: true })("POST /integrations/events", (it) => {
  it.effect("puts the event into the outbox, its payload as it was written", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const payload = '{"z": 1.0, "10": 12345678901234567890, "a": "\\u0000 \\ud800"}'
      const answer = yield* ask("POST", events, {
        headers: { "idempotency-key": "view-1", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
        body: `{"payload": ${payload}, "eventType": "CARD_VIEW"}`
      })
      assert.strictEqual(answer.status, 202)
      assert.deepStrictEqual(answer.json, { id: answer.json.id, eventType: "CARD_VIEW" })
      assert.deepStrictEqual(yield* stored(answer.json.id), [
        {
          userId: "user-123",
          eventType: "CARD_VIEW",
          payload,
          traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
          idempotencyKey: "view-1"
        }
      ])
    })
  )

  it.effect("leaves a malformed traceparent out", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const headers = { traceparent: `00-${"0".repeat(32)}-${"b".repeat(16)}-01` }
      const { json } = yield* ask("POST", events, { headers, body: { eventType: "CARD_VIEW", payload: {} } })
      assert.isNull((yield* stored(json.id))[0]?.traceparent)
    })
  )

  it.effect("refuses what fan-out would make a dead letter, and says why", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const deep = `${'{"a":'.repeat(200)}1${"}".repeat(200)}`
      for (const [body, path, message] of [
        [{ eventType: "NO_SUCH", payload: {} }, "eventType", /"NO_SUCH" is unknown/],
        [{ eventType: "WEBHOOK_DISABLED", payload: {} }, "eventType", /reserved/],
        [{ eventType: "CARD_VIEW\0", payload: {} }, "eventType", /name of an event type/],
        [{ eventType: "\ud800", payload: {} }, "eventType", /name of an event type/],
        [{ eventType: "CARD_VIEW", payload: { a: "x".repeat(300_000) } }, "payload", /256 KiB/],
        [`{"eventType":"CARD_VIEW","payload":${deep}}`, "payload", /128 levels/],
        [{ eventType: "CARD_VIEW", payload: [] }, "payload", /Expected object/]
      ] as const) {
        const answer = yield* ask("POST", events, { body })
        assert.strictEqual(answer.status, 400)
        assert.strictEqual(answer.json.errors[0].path, path)
        assert.match(answer.json.errors[0].message, message)
      }
    })
  )

  it.effect("holds the payload to the JSON Schema of its type", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const schema = { type: "object", required: ["orderId"], properties: { orderId: { type: "integer" } } }
      const body = { name: "order.paid", description: "Paid.", schema, example: { orderId: 1 } }
      assert.strictEqual((yield* ask("POST", types, { token: yield* token("root", "admin"), body })).status, 201)
      const good = yield* ask("POST", events, { body: { eventType: "order.paid", payload: { orderId: 7 } } })
      assert.strictEqual(good.status, 202)
      const bad = yield* ask("POST", events, { body: { eventType: "order.paid", payload: { orderId: "7" } } })
      assert.strictEqual(bad.status, 400)
      assert.deepStrictEqual(bad.json.errors, [{ path: "payload.orderId", message: "Must be integer" }])
    })
  )
})

layer(TestApi.layer(), { excludeTestServices: true })("Event types", (it) => {
  it.effect("are listed with their examples, the documented ones among them", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const { status, json } = yield* ask("GET", types)
      assert.strictEqual(status, 200)
      const names = json.map(({ name }: { name: string }) => name)
      assert.includeMembers(names, ["CONTACT_CREATED", "CARD_VIEW", "LINK_CLICK", "SUBSCRIPTION_UPDATED"])
      const view = json.find(({ name }: { name: string }) => name === "CARD_VIEW")
      assert.deepStrictEqual(view, {
        name: "CARD_VIEW",
        kind: "builtin",
        description: "A card was viewed.",
        schema: null,
        example: { cardId: "card-123", viewerId: "user-456", location: "New York, US", device: "mobile" }
      })
    })
  )

  it.effect("can be made by administrators, once, and leave a trace in the audit log", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const admin = { token: yield* token("root", "admin") }
      const body = { name: "CARD_SHARED", example: { cardId: "c" } }
      const made = yield* ask("POST", types, { ...admin, body })
      assert.strictEqual(made.status, 201)
      assert.deepStrictEqual(made.json, { ...body, kind: "custom", description: "", schema: null })
      const again = yield* ask("POST", types, { ...admin, body })
      assert.deepStrictEqual([again.status, again.json.type], [409, "urn:nexus:problem:event-type-exists"])
      assert.strictEqual((yield* ask("POST", types, { ...admin, body: { name: "CARD_VIEW" } })).status, 409)
      const log = yield* ask("GET", "/audit-log", admin)
      assert.strictEqual(log.json.length, 1)
      assert.deepInclude(log.json[0], {
        userId: "root",
        actor: "root",
        action: "event_type.created",
        subject: "CARD_SHARED",
        address: "127.0.0.1"
      })
    })
  )

  it.effect("need a usable name and schema, and an example that fits", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const admin = { token: yield* token("root", "admin") }
      for (const [body, path] of [
        [{ name: "9lives" }, "name"],
        [{ name: "x".repeat(65) }, "name"],
        [{ name: "A", description: "\0" }, "description"],
        [{ name: "A", schema: { type: "objekt" } }, "schema"],
        [{ name: "A", schema: { required: ["a"] }, example: {} }, "example.a"]
      ] as const) {
        const answer = yield* ask("POST", types, { ...admin, body })
        assert.strictEqual(answer.status, 400)
        assert.strictEqual(answer.json.errors[0].path, path)
      }
    })
  )
})
