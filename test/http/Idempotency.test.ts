import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { TestApi } from "../support/TestApi.ts"

const events = "/integrations/events"
const request = (key: string, payload: object = { n: 1 }) => ({
  headers: { "idempotency-key": key },
  body: { eventType: "CARD_VIEW", payload }
})

const rows = (key: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql<{ id: string; idempotencyKey: string }>`
      SELECT id FROM nexus.outbox WHERE idempotency_key = ${key}`
  )

layer(TestApi.layer(), { excludeTestServices: true })("Idempotency-Key", (it) => {
  it.effect("answers a repeated request as the first time, and does nothing twice", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const first = yield* ask("POST", events, request("a"))
      const second = yield* ask("POST", events, request("a"))
      assert.strictEqual(first.headers.get("idempotency-replayed"), null)
      assert.strictEqual(second.headers.get("idempotency-replayed"), "true")
      assert.deepStrictEqual([second.status, second.text], [202, first.text])
      assert.strictEqual(second.headers.get("content-type"), first.headers.get("content-type"))
      assert.strictEqual((yield* rows("a")).length, 1)
    })
  )

  it.effect("refuses the key for another body, another path, and takes it from another user", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      yield* ask("POST", events, request("b"))
      const other = yield* ask("POST", events, request("b", { n: 2 }))
      assert.strictEqual(other.status, 422)
      assert.strictEqual(other.json.type, "urn:nexus:problem:idempotency-key-reused")
      assert.strictEqual((yield* ask("POST", `${events}?x`, request("b"))).status, 422)
      const theirs = yield* ask("POST", events, { ...request("b"), token: yield* token("user-2") })
      assert.strictEqual(theirs.headers.get("idempotency-replayed"), null)
      assert.strictEqual((yield* rows("b")).length, 2)
    })
  )

  it.effect("executes one of many parallel requests; the others wait or get its answer", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const answers = yield* Effect.all(
        Array.from({ length: 12 }, () => ask("POST", events, request("c"))),
        { concurrency: "unbounded" }
      )
      const fresh = answers.filter(
        ({ status, headers }) => status === 202 && headers.get("idempotency-replayed") === null
      )
      assert.strictEqual(fresh.length, 1)
      for (const { status, headers, text } of answers) {
        assert.include([202, 409], status)
        if (status === 409) assert.strictEqual(headers.get("retry-after"), "1")
        if (status === 202) assert.strictEqual(text, fresh[0]?.text)
      }
      assert.strictEqual((yield* rows("c")).length, 1)
    })
  )

  it.effect("says that the first request still runs, and takes over from a process that died", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const sql = yield* SqlClient
      yield* ask("POST", events, request("d"))
      yield* sql`UPDATE nexus.idempotency_key SET response_status = NULL, response_body = NULL, created_at = now() WHERE key = 'd'`
      const running = yield* ask("POST", events, request("d"))
      assert.strictEqual(running.status, 409)
      assert.strictEqual(running.json.type, "urn:nexus:problem:request-in-progress")
      yield* sql`UPDATE nexus.idempotency_key SET created_at = now() - interval '3 minutes' WHERE key = 'd'`
      assert.strictEqual((yield* ask("POST", events, request("d"))).status, 202)
    })
  )

  it.effect("forgets a key after 24 hours", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const sql = yield* SqlClient
      yield* ask("POST", events, request("e"))
      yield* sql`UPDATE nexus.idempotency_key SET created_at = now() - interval '25 hours' WHERE key = 'e'`
      const again = yield* ask("POST", events, request("e", { n: 2 }))
      assert.deepStrictEqual([again.status, again.headers.get("idempotency-replayed")], [202, null])
    })
  )

  it.effect("keeps nothing of a request that failed, so it can be corrected under the same key", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const wrong = { headers: { "idempotency-key": "f" }, body: { eventType: "NO_SUCH_TYPE", payload: {} } }
      assert.strictEqual((yield* ask("POST", events, wrong)).status, 400)
      assert.strictEqual((yield* ask("POST", events, request("f"))).status, 202)
    })
  )

  it.effect("is 1 to 255 printable characters", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const key of ["", "x".repeat(256), "\u00e9"]) {
        const answer = yield* ask("POST", events, request(key))
        assert.strictEqual(answer.status, 400)
        assert.strictEqual(answer.json.errors[0].path, "idempotency-key")
      }
      assert.strictEqual((yield* ask("POST", events, request("x".repeat(255)))).status, 202)
    })
  )

  it.effect("keeps answers sealed", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const sql = yield* SqlClient
      const { json } = yield* ask("POST", events, request("g"))
      const [row] = yield* sql<{
        responseBody: string
      }>`SELECT response_body FROM nexus.idempotency_key WHERE key = 'g'`
      assert.match(row?.responseBody ?? "", /^nx1\./)
      assert.notInclude(row?.responseBody, json.id)
    })
  )
})
