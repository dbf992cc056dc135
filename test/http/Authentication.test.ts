import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { TestApi } from "../support/TestApi.ts"

const events = "/integrations/events"
const deadLetters = "/integrations/dead-letters"
const body = { eventType: "CARD_VIEW", payload: {} }

/** Whose event the last one in the outbox is. */
const owner = Effect.gen(function* () {
  const sql = yield* SqlClient
  const rows = yield* sql<{ userId: string }>`SELECT user_id FROM nexus.outbox ORDER BY id DESC LIMIT 1`
  return rows[0]?.userId
})

layer(TestApi.layer(), { excludeTestServices: true })("Authentication", (it) => {
  it.effect("asks for a token, and says what is wrong with the one it gets", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const without = yield* ask("GET", "/audit-log", { token: "" })
      assert.strictEqual(without.status, 401)
      assert.strictEqual(without.headers.get("www-authenticate"), 'Bearer realm="nexus"')

      const valid = yield* token("user-123")
      for (const wrong of ["nonsense", `${valid.slice(0, -8)}AAAAAAAA`]) {
        const answer = yield* ask("GET", "/audit-log", { token: wrong })
        assert.strictEqual(answer.status, 401)
        assert.strictEqual(answer.headers.get("www-authenticate"), 'Bearer realm="nexus", error="invalid_token"')
        assert.match(answer.json.detail, /^The token /)
        assert.notInclude(answer.text, wrong)
      }
      const basic = yield* ask("GET", "/audit-log", { token: "", headers: { authorization: "Basic dXNlcjpwYXNz" } })
      assert.strictEqual(basic.status, 401)
    })
  )

  it.effect("lets a service act for the user that it names, and only for one that it names", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const service = yield* token("backend", "service")
      assert.strictEqual((yield* ask("POST", events, { token: service, body })).status, 403)

      const headers = { "nexus-user": "user-7" }
      assert.strictEqual((yield* ask("POST", events, { token: service, headers, body })).status, 202)
      assert.strictEqual(yield* owner, "user-7")

      const name = Buffer.from("jürgen-✓", "utf8").toString("latin1")
      assert.strictEqual(
        (yield* ask("POST", events, { token: service, headers: { "nexus-user": name }, body })).status,
        202
      )
      assert.strictEqual(yield* owner, "jürgen-✓")
    })
  )

  it.effect("refuses a user id that can't be one", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const service = yield* token("backend", "service")
      for (const user of ["", "x".repeat(256), "\u00ff"]) {
        const answer = yield* ask("POST", events, { token: service, headers: { "nexus-user": user }, body })
        assert.strictEqual(answer.status, 400)
        assert.strictEqual(answer.json.errors[0].path, "Nexus-User")
      }
    })
  )

  it.effect("lets nobody else name another user", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      for (const bearer of [yield* token("user-1"), yield* token("user-1", "admin")]) {
        assert.strictEqual(
          (yield* ask("POST", events, { token: bearer, headers: { "nexus-user": "user-2" }, body })).status,
          403
        )
        assert.strictEqual(
          (yield* ask("POST", events, { token: bearer, headers: { "nexus-user": "user-1" }, body })).status,
          202
        )
      }
    })
  )

  it.effect("keeps event types and dead letters for administrators", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const service = { token: yield* token("backend", "service"), headers: { "nexus-user": "user-1" } }
      for (const as of [{}, service]) {
        assert.strictEqual((yield* ask("GET", deadLetters, as)).status, 403)
        assert.strictEqual((yield* ask("GET", `${deadLetters}/x`, as)).status, 403)
        assert.strictEqual((yield* ask("POST", `${deadLetters}/x/retry`, as)).status, 403)
        assert.strictEqual(
          (yield* ask("POST", "/integrations/event-types", { ...as, body: { name: "X" } })).status,
          403
        )
        assert.strictEqual((yield* ask("GET", "/integrations/event-types", as)).status, 200)
      }
      assert.strictEqual((yield* ask("GET", deadLetters, { token: yield* token("root", "admin") })).status, 200)
    })
  )
})
