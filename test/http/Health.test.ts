import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { DispatcherHealth } from "../../src/webhooks/DispatcherHealth.ts"
import { TestApi } from "../support/TestApi.ts"

layer(TestApi.layer(), { excludeTestServices: true })("Health", (it) => {
  it.effect("is ready once the dispatcher has claimed, and not when it stops or migrations are missing", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const health = yield* DispatcherHealth
      const sql = yield* SqlClient
      const ready = ask("GET", "/readyz", { token: "" })

      yield* sql`DELETE FROM nexus.migration WHERE migration_id = (SELECT max(migration_id) FROM nexus.migration)`
      const early = yield* ready
      assert.strictEqual(early.status, 503)
      assert.strictEqual(early.json.status, "not ready")
      assert.deepStrictEqual(early.json.parts.dispatcher, { ok: false, problem: "It has not started yet" })
      assert.match(early.json.parts.migrations.problem, /^1 are pending \(\d{4}_\w+\); run: nexus migrate$/)

      yield* sql`INSERT INTO nexus.migration (migration_id, name) SELECT max(migration_id) + 1, 'again' FROM nexus.migration`
      yield* health.claimed
      const well = yield* ready
      assert.strictEqual(well.status, 200)
      assert.deepStrictEqual(well.json, {
        status: "ready",
        parts: { database: { ok: true }, migrations: { ok: true }, dispatcher: { ok: true } }
      })

      yield* health.stopping
      const stopping = yield* ready
      assert.strictEqual(stopping.status, 503)
      assert.deepStrictEqual(stopping.json.parts.dispatcher, { ok: false, problem: "It is stopping" })
      assert.deepStrictEqual((yield* ask("GET", "/healthz", { token: "" })).json, { status: "ok" })
    })
  )
})

layer(TestApi.layer({ NEXUS_METRICS_TOKEN: "scrape-me" }), { excludeTestServices: true })("/metrics", (it) => {
  it.effect("has the queues, the process and the requests, as Prometheus reads them", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      yield* ask("POST", "/integrations/events", { body: { eventType: "CARD_VIEW", payload: {} } })
      yield* ask("GET", "/integrations/webhooks/some-id/deliveries/other-id", { token: "" })
      const { status, headers, text } = yield* ask("GET", "/metrics", { token: "" })
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
      assert.match(text, /^nexus_outbox_rows 1$/m)
      assert.match(text, /^nexus_deliveries_due 0$/m)
      assert.match(text, /^nexus_process_resident_memory_bytes \d{7,}$/m)
      assert.match(text, /^nexus_http_requests_total\{route="\/integrations\/events",method="POST",status="202"\} 1$/m)
      assert.include(text, 'route="/integrations/webhooks/:id/deliveries/:deliveryId"')
      assert.notInclude(text, "some-id")
    })
  )

  it.effect("is open on loopback, and behind a proxy only with its token", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const headers = { "x-forwarded-for": "203.0.113.9" }
      assert.strictEqual((yield* ask("GET", "/metrics", { token: "", headers })).status, 401)
      assert.strictEqual((yield* ask("GET", "/metrics", { headers })).status, 401)
      assert.strictEqual((yield* ask("GET", "/metrics", { headers, token: "scrape-me" })).status, 200)
    })
  )
})
