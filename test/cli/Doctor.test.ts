import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { builtInIds } from "../support/BuiltIn.ts"
import { lease } from "../support/Claims.ts"
import { DispatchingLayer, emit } from "../support/Dispatching.ts"
import { production, runNexus } from "../support/NexusProcess.ts"

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("nexus doctor", (it) => {
  it.effect("finds nothing wrong with a database that a dispatcher works on", () =>
    Effect.gen(function* () {
      yield* lease
      const { code, out, err } = yield* runNexus(["doctor"], yield* production)
      assert.deepStrictEqual([code, err], [0, ""])
      assert.deepStrictEqual(out.match(/^\S+/gm), ["ok", "ok", "ok", "ok", "ok", "ok", "ok", "info"])
    })
  )

  it.effect("warns about a redirect URI at another origin", () =>
    Effect.gen(function* () {
      const redirectUri = "http://127.0.0.1:3001/integrations/oauth/hubspot/callback"
      const { out } = yield* runNexus(["doctor"], {
        ...(yield* production),
        PUBLIC_URL: "http://localhost:3001",
        HUBSPOT_REDIRECT_URI: redirectUri
      })
      assert.include(out, `\nwarn  HUBSPOT_REDIRECT_URI is ${redirectUri}, which is at another origin than PUBLIC_URL`)
    })
  )

  it.effect("says what is wrong and what to do, check by check, and fails", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE nexus.dispatcher SET ended_at = now(), end_reason = 'stopped'`
      yield* emit("user-1", "CARD_VIEW", "{}")
      yield* sql`UPDATE nexus.outbox SET created_at = now() - interval '5 minutes'`
      yield* sql`DELETE FROM nexus.migration WHERE migration_id = (SELECT max(migration_id) FROM nexus.migration)`
      const { code, out, err } = yield* runNexus(["doctor"], { ...(yield* production), PUBLIC_URL: "https://n.test/" })
      assert.deepStrictEqual([code, err], [1, "3 of the checks above failed\n"])
      const lines = out.trim().split("\n")
      assert.match(lines[0] ?? "", /^FAIL {2}Pending migrations: \d{4}_\w+\. Run: nexus migrate$/)
      assert.match(lines[1] ?? "", /^ok {4}NOTIFY reaches LISTEN$/)
      assert.match(lines[2] ?? "", /^ok {4}The keys open what the database holds$/)
      assert.match(lines[3] ?? "", /^FAIL {2}No dispatcher is running: nothing is sent\. Start one with: nexus serve$/)
      assert.match(lines[4] ?? "", /^FAIL {2}1 row waits in the outbox, the oldest for \d{3} s; 0 dead letters$/)
      const ids = yield* builtInIds
      assert.strictEqual(lines[5], `ok    ${ids.length} plugins: ${ids.join(", ")}`)
      assert.strictEqual(lines[6], "ok    Integrations: 0 work, 0 are paused, 0 do not work")
      assert.strictEqual(lines[7], "info  The service is reached at https://n.test (PUBLIC_URL)")
    })
  )
})
