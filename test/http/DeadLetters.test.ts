import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { DeadLetters } from "../../src/outbox/DeadLetters.ts"
import { TestApi } from "../support/TestApi.ts"

const letters = "/integrations/dead-letters"

/** Buries events of users; returns their ids, the oldest first. */
const bury = Effect.fnUntraced(function* (count: number, reason = "The event type is unknown.") {
  const sql = yield* SqlClient
  const rows = yield* sql<{ id: string }>`
    INSERT INTO nexus.dead_letter (id, user_id, event_type, payload, reason, created_at)
    SELECT nexus.uuid7(), 'user-' || n, 'CARD_VIEW', '{"b":1.0,"a":2}', ${reason}, now()
    FROM generate_series(1, ${count}::int) AS n RETURNING id`
  return rows.map(({ id }) => id).sort()
})

const outbox = Effect.flatMap(
  SqlClient,
  (sql) => sql<{ id: string; userId: string; payload: string }>`SELECT id, user_id, payload::text FROM nexus.outbox`
)
const empty = Effect.flatMap(SqlClient, (sql) => sql`TRUNCATE nexus.dead_letter, nexus.outbox`)

layer(TestApi.layer(), { excludeTestServices: true })("Dead letters", (it) => {
  it.effect("are listed in pages, the newest first, and shown one by one", () =>
    Effect.gen(function* () {
      yield* empty
      const { ask, token } = yield* TestApi
      const admin = { token: yield* token("root", "admin") }
      const ids = yield* bury(5)
      const seen: Array<string> = []
      let path: string | undefined = `${letters}?limit=2`
      let pages = 0
      while (path !== undefined) {
        const { status, json, headers }: { status: number; json: Array<{ id: string }>; headers: Headers } = yield* ask(
          "GET",
          path,
          admin
        )
        assert.strictEqual(status, 200)
        seen.push(...json.map(({ id }) => id))
        pages++
        path = /^<(.*)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1]
      }
      assert.deepStrictEqual(seen, ids.reverse())
      assert.strictEqual(pages, 3)
      const { json } = yield* ask("GET", `${letters}/${ids[0]}`, admin)
      assert.deepInclude(json, {
        id: ids[0],
        eventType: "CARD_VIEW",
        payload: { b: 1, a: 2 },
        reason: "The event type is unknown."
      })
    })
  )

  it.effect("go back into the outbox under a new id, once", () =>
    Effect.gen(function* () {
      yield* empty
      const { ask, token } = yield* TestApi
      const admin = { token: yield* token("root", "admin") }
      const [id] = yield* bury(1)
      const answer = yield* ask("POST", `${letters}/${id}/retry`, admin)
      assert.deepStrictEqual([answer.status, answer.json], [200, { success: true }])
      const rows = yield* outbox
      assert.deepStrictEqual(
        rows.map(({ userId, payload }) => [userId, payload]),
        [["user-1", '{"b":1.0,"a":2}']]
      )
      assert.notStrictEqual(rows[0]?.id, id)
      assert.strictEqual((yield* ask("POST", `${letters}/${id}/retry`, admin)).status, 404)
      const log = yield* ask("GET", "/audit-log?limit=1", admin)
      assert.deepInclude(log.json[0], { action: "dead_letter.retried", subject: id })
    })
  )

  it.effect("that do not exist are 404, whatever stands in place of an id", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const admin = { token: yield* token("root", "admin") }
      for (const id of ["0199f0a0-0000-7000-8000-000000000000", "x", "%00", "'"]) {
        assert.strictEqual((yield* ask("GET", `${letters}/${id}`, admin)).status, 404)
        assert.strictEqual((yield* ask("POST", `${letters}/${id}/retry`, admin)).status, 404)
      }
    })
  )

  it.effect("go back all at once, or those of one reason", () =>
    Effect.gen(function* () {
      yield* empty
      const deadLetters = yield* DeadLetters
      yield* bury(1100)
      yield* bury(3, "Another reason.")
      assert.strictEqual(yield* deadLetters.retryAll("Another reason."), 3)
      assert.strictEqual(yield* deadLetters.retryAll(), 1100)
      assert.strictEqual(yield* deadLetters.retryAll(), 0)
      assert.strictEqual((yield* outbox).length, 1103)
    })
  )
})
