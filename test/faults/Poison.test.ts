import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { DispatchingLayer, subscribe } from "../support/Dispatching.ts"
import { startReceiver } from "../support/Receiver.ts"
import { startDispatcher } from "../support/ServiceProcess.ts"

const deep = (open: string, close: string) => open.repeat(10_000) + close.repeat(10_000)

/** Rows that no consumer should ever see, and the first words of the reason that each is buried with. */
const poison: ReadonlyArray<{ user?: string; type?: string; payload?: string; key?: string; reason: RegExp }> = [
  { type: "NO_SUCH_TYPE", reason: /^The event type "NO_SUCH_TYPE" is unknown/ },
  { type: "", reason: /^The event type "" is unknown/ },
  { type: "card_view", reason: /unknown/ },
  { type: "CARD_VIEW ", reason: /unknown/ },
  { type: "*", reason: /unknown/ },
  { type: "CARD_VIEW\r\nX-Injected: yes", reason: /unknown/ },
  { type: "'; DROP TABLE nexus.outbox; --", reason: /unknown/ },
  { type: '{"$ne": null}', reason: /unknown/ },
  { type: "\\u0000", reason: /unknown/ },
  { type: "\\ud800", reason: /unknown/ },
  { type: "\u202eWEIV_DRAC", reason: /unknown/ },
  { type: "X".repeat(100_000), reason: /unknown/ },
  { type: "WEBHOOK_DISABLED", reason: /reserved/ },
  { user: "", reason: /^The user id is empty/ },
  { user: "u".repeat(256), reason: /^The user id is longer/ },
  { key: "k".repeat(256), reason: /^The idempotency key is longer/ },
  { key: "k".repeat(100_000), reason: /^The idempotency key is longer/ },
  { payload: "1", reason: /of type number/ },
  { payload: "-0.0e-999", reason: /of type number/ },
  { payload: "true", reason: /of type boolean/ },
  { payload: "null", reason: /of type null/ },
  { payload: '"text"', reason: /of type string/ },
  { payload: '"\\u0000"', reason: /of type string/ },
  { payload: '"\\ud800"', reason: /of type string/ },
  { payload: '"\\udc00\\ud800"', reason: /of type string/ },
  { payload: '"line\\r\\nbreak"', reason: /of type string/ },
  { payload: '"\'; DELETE FROM nexus.event; --"', reason: /of type string/ },
  { payload: "[]", reason: /of type array/ },
  { payload: '[{"a":1,"a":2}]', reason: /of type array/ },
  { payload: '[ "\\u0000", "\\ud800" ]', reason: /of type array/ },
  { payload: deep("[", "]"), reason: /of type array/ },
  { payload: deep('{"a":', "}").replace("}", "1}"), reason: /deeper than 128 levels/ },
  { payload: `{"a":${deep("[", "]")}}`, reason: /deeper than 128 levels/ },
  { payload: `{"a":"]}","b":${"[".repeat(129)}${"]".repeat(129)}}`, reason: /deeper than 128 levels/ },
  { payload: `{"a":"${"x".repeat(10_000_000)}"}`, reason: /at most 262144/ },
  { payload: `{"a":"${"é".repeat(131_072)}"}`, reason: /at most 262144/ },
  { payload: `{"a":${"9".repeat(300_000)}}`, reason: /at most 262144/ },
  { payload: `{${" ".repeat(300_000)}}`, reason: /at most 262144/ },
  { payload: `[${"0,".repeat(200_000)}0]`, reason: /at most 262144/ },
  { payload: `{"a":"${"\\u0000".repeat(50_000)}"}`, reason: /at most 262144/ }
]

/** Odd, but an object: it is delivered as it was written. */
const odd = [
  '{"a":"\\u0000"}',
  '{"a":"\\ud800","b":"\\udc00"}',
  '{"a":1,"a":2}',
  '{"sql":"\'; DROP TABLE nexus.event; --"}',
  '{"crlf":"a\\r\\nb"}',
  '{"number":1.00,"big":123456789012345678901234567890,"exponent":1E+2}',
  '{ "spaced" : [ 1 , 2 ] }',
  '{"":""}',
  `{"deep":${"[".repeat(127)}${"]".repeat(127)}}`
]

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("poison in the outbox", (it) => {
  it.effect(
    "40 rows among 10,000 good ones are buried with their reasons, and the good ones go out",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const receiver = yield* startReceiver()
        yield* subscribe("good", `${receiver.url}/good`)
        yield* subscribe("odd", `${receiver.url}/odd`)
        yield* startDispatcher
        assert.strictEqual(poison.length, 40)

        for (const [index, row] of poison.entries()) {
          yield* sql`
            INSERT INTO nexus.outbox (user_id, event_type, payload)
            SELECT 'good', 'CARD_VIEW', ('{"n":' || n || '}')::json
            FROM generate_series(${index * 250}::int, ${index * 250 + 249}::int) AS n`
          yield* sql`
            INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key)
            VALUES (${row.user ?? "good"}, ${row.type ?? "CARD_VIEW"}, ${row.payload ?? '{"n":-1}'}::text::json, ${row.key ?? null})`
        }
        for (const payload of odd) {
          yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES ('odd', 'CARD_VIEW', ${payload}::text::json)`
        }
        yield* receiver.until((requests) => requests.length >= 10_000 + odd.length)
        yield* sql`SELECT FROM nexus.outbox`.pipe(
          Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("50 millis") })
        )

        const numbers = receiver.requests
          .filter(({ path }) => path === "/good")
          .map(({ body }) => Number(/"n":(-?\d+)/.exec(body)?.[1]))
        assert.deepStrictEqual(
          numbers.sort((a, b) => a - b),
          Array.from({ length: 10_000 }, (_, index) => index)
        )
        const verbatim = receiver.requests
          .filter(({ path }) => path === "/odd")
          .map(({ body }) => body.replace(/^.*?"data":/s, "").slice(0, -1))
        assert.deepStrictEqual(verbatim.sort(), [...odd].sort())

        const letters = yield* sql<{ reason: string }>`SELECT reason FROM nexus.dead_letter ORDER BY id`
        assert.strictEqual(letters.length, poison.length)
        for (const [index, { reason }] of poison.entries()) assert.match(letters[index]?.reason ?? "", reason)
        const leases = yield* sql`SELECT FROM nexus.dispatcher`
        assert.strictEqual(leases.length, 1, "restarted")
      }),
    { timeout: 120_000 }
  )
})
