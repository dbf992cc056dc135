import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { TestApi } from "../support/TestApi.ts"

layer(TestApi.layer(), { excludeTestServices: true })("GET /audit-log", (it) => {
  it.effect("shows a user what was done to their things, in pages, and nothing of others", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const sql = yield* SqlClient
      yield* sql`
        INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
        SELECT CASE n % 2 WHEN 0 THEN 'alice' ELSE 'bob' END, 'backend', 'webhook.created', n::text, '{"url":"https://a.example"}', '192.0.2.1'
        FROM generate_series(1, 10) AS n`
      const alice = { token: yield* token("alice") }
      const first = yield* ask("GET", "/audit-log?limit=3", alice)
      const next = /^<(.*)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? ""
      const second = yield* ask("GET", next, alice)
      assert.isNull(second.headers.get("link"))
      const entries = [...first.json, ...second.json]
      assert.deepStrictEqual(entries.map(({ subject }) => subject).sort(), ["10", "2", "4", "6", "8"])
      assert.hasAllKeys(entries[0], ["id", "userId", "actor", "action", "subject", "detail", "address", "createdAt"])
      assert.deepStrictEqual(entries[0].detail, { url: "https://a.example" })
      assert.match(entries[0].createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    })
  )
})
