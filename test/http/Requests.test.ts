import { connect } from "node:net"
import { gzipSync } from "node:zlib"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { type Answer, TestApi } from "../support/TestApi.ts"

/** What every problem must be like, whatever it is about. */
const assertProblem = (answer: Answer, status: number, type: string) => {
  assert.strictEqual(answer.status, status, answer.text)
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
  assert.strictEqual(answer.json.type, `urn:nexus:problem:${type}`)
  assert.strictEqual(answer.json.status, status)
  assert.match(answer.json.title, /^[A-Z][a-z ]+$/)
  assert.isAbove(answer.json.detail.length, 10)
  assert.notProperty(answer.json, "_tag")
}

const events = "/integrations/events"

layer(TestApi.layer(), { excludeTestServices: true })("A request that can't be served", (it) => {
  it.effect("names every field that is wrong, and never its value", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const answer = yield* ask("POST", "/integrations/webhooks", {
        body: {
          url: 7,
          events: ["CARD_VIEW", false],
          secret: "short",
          maxAttempts: 4711,
          event: "typo",
          headers: { "x-a": "b\r\nc: d" }
        }
      })
      assertProblem(answer, 400, "invalid-request")
      const paths = answer.json.errors.map(({ path }: { path: string }) => path).sort()
      assert.deepStrictEqual(paths, ["event", "events.1", "headers.x-a", "maxAttempts", "secret", "url"])
      for (const value of ["short", "4711", "typo"]) assert.notInclude(answer.text, value)
    })
  )

  it.effect("says that a body is not JSON, not there, or not UTF-8", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const body of ['{"eventType": ', "", Uint8Array.of(0x22, 0xff, 0x22)]) {
        const answer = yield* ask("POST", events, { body, headers: { "content-type": "application/json" } })
        assertProblem(answer, 400, "invalid-request")
        assert.deepStrictEqual(
          answer.json.errors.map(({ path }: { path: string }) => path),
          ["body"]
        )
      }
    })
  )

  it.effect("names the query parameter that is wrong", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const query of ["limit=0", "limit=201", "limit=ten", "cursor=%00"]) {
        const answer = yield* ask("GET", `/audit-log?${query}`)
        assertProblem(answer, 400, "invalid-request")
        assert.deepStrictEqual(
          answer.json.errors.map(({ path }: { path: string }) => path),
          [query.split("=")[0]]
        )
      }
    })
  )

  it.effect("is 404 for an unknown path, 405 with Allow for a wrong method", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const path of ["/", "/integrations/nothing/here", "/integrations/webhooks/x/y/z", "/%ff", "//"]) {
        assertProblem(yield* ask("GET", path), 404, "path-not-found")
      }
      const answer = yield* ask("PUT", "/integrations/webhooks")
      assertProblem(answer, 405, "method-not-allowed")
      // The router matches any method: PATCH and DELETE are those of /integrations/:provider.
      assert.strictEqual(answer.headers.get("allow"), "GET, HEAD, POST, PATCH, DELETE")
      assert.strictEqual((yield* ask("DELETE", "/healthz")).headers.get("allow"), "GET, HEAD")
      assert.strictEqual((yield* ask("POST", "/docs")).headers.get("allow"), "GET, HEAD")
    })
  )

  it.effect("is 415 for anything but JSON", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const zipped = { headers: { "content-encoding": "gzip" }, body: gzipSync("{}") }
      assertProblem(yield* ask("POST", events, zipped), 415, "unsupported-body")
      const headers = { "content-type": "application/x-www-form-urlencoded" }
      assertProblem(yield* ask("POST", events, { headers, body: "eventType=CARD_VIEW" }), 415, "unsupported-body")
    })
  )

  it.effect("is 413 for a body over 1 MiB, whether its length is announced or not", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const just = `{"eventType":"CARD_VIEW","payload":{}}`.padEnd(1024 * 1024)
      assert.strictEqual((yield* ask("POST", events, { body: just })).status, 202)
      assertProblem(yield* ask("POST", events, { body: `${just} ` }), 413, "body-too-large")
      assertProblem(yield* ask("POST", events, { body: new Blob([just, " "]).stream() }), 413, "body-too-large")
      assert.strictEqual((yield* ask("POST", events, { body: new Blob([just]).stream() })).status, 202)
    })
  )

  it.effect("is 400 for a body that nests without end", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const deep = `${'{"a":'.repeat(150_000)}1${"}".repeat(150_000)}`
      const admin = yield* token("root", "admin")
      for (const [path, body] of [
        [events, `{"eventType":"CARD_VIEW","payload":${deep}}`],
        ["/integrations/event-types", `{"name":"A","schema":${deep}}`],
        ["/integrations/event-types", `{"name":"A","example":${deep}}`],
        ["/integrations/webhooks", `{"url":${deep},"events":["*"]}`]
      ] as const) {
        assert.strictEqual((yield* ask("POST", path, { token: admin, body })).status, 400)
      }
    })
  )

  it.effect("is 413 before any of the body has come, when its length is announced", () =>
    Effect.gen(function* () {
      const { url, token } = yield* TestApi
      const { hostname, port } = new URL(url)
      const head = [
        `POST ${events} HTTP/1.1`,
        `Host: ${hostname}`,
        `Authorization: Bearer ${yield* token("user-123")}`,
        "Content-Type: application/json",
        "Content-Length: 1048577"
      ]
      const answer = yield* Effect.callback<string>((resume) => {
        const socket = connect(Number(port), hostname, () => socket.write(`${head.join("\r\n")}\r\n\r\n`))
        socket.once("data", (data) => {
          socket.destroy()
          resume(Effect.succeed(String(data)))
        })
      })
      assert.match(answer, /^HTTP\/1\.1 413 /)
    })
  )

  it.effect("is 401 before anything of its body is read", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const body = "x".repeat(2 * 1024 * 1024)
      assertProblem(yield* ask("POST", events, { token: "", body }), 401, "unauthenticated")
    })
  )
})

layer(TestApi.layer(), { excludeTestServices: true })("A fault of the service", (it) => {
  it.effect("is a 500 that gives an id, which the log has with the cause, and nothing else", () =>
    Effect.gen(function* () {
      const { ask, logs } = yield* TestApi
      const sql = yield* SqlClient
      yield* sql`ALTER TABLE nexus.audit_log RENAME TO elsewhere`
      const answer = yield* ask("GET", "/audit-log")
      assertProblem(answer, 500, "unexpected-error")
      assert.notMatch(answer.text, /audit_log|SELECT|Error:|\.ts/)
      const line = logs.find((line) => line.includes(answer.json.id))
      assert.include(line, "audit_log")
    })
  )
})

layer(TestApi.layer(), { excludeTestServices: true })("Every answer", (it) => {
  it.effect("may be read by the caller alone", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const path of ["/healthz", "/integrations/event-types", "/nothing"]) {
        const { headers } = yield* ask("GET", path)
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
        assert.strictEqual(headers.get("cache-control"), "no-store")
        assert.include(headers.get("content-security-policy"), "frame-ancestors 'none'")
      }
    })
  )

  it.effect("leaves one line in the log, with nothing secret in it", () =>
    Effect.gen(function* () {
      const { ask, logs, token } = yield* TestApi
      const bearer = yield* token("user-9")
      const before = logs.length
      yield* ask("POST", `${events}?password=hunter2`, {
        token: bearer,
        headers: { "idempotency-key": "my-secret-key" },
        body: { eventType: "CARD_VIEW", payload: { pin: "4711" } }
      })
      const lines = logs.slice(before).filter((line) => line.includes("/integrations/events"))
      assert.strictEqual(lines.length, 1)
      const { annotations } = JSON.parse(lines[0] ?? "")
      assert.deepInclude(annotations, { method: "POST", route: events, status: 202, userId: "user-9" })
      for (const secret of [bearer, "hunter2", "my-secret-key", "4711"]) assert.notInclude(logs.join("\n"), secret)
    })
  )
})
