import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { openBrowser } from "../support/Browser.ts"
import { changed, onTheWayBack, outcomeAt, parameterOf, travellingLayer } from "../support/Travelling.ts"

layer(travellingLayer(), { excludeTestServices: true, timeout: "60 seconds" })("Forged callbacks", (it) => {
  it.effect("injection: another session's code with one's own state is worth nothing without its verifier", () =>
    Effect.gen(function* () {
      const victim = yield* onTheWayBack("injected-victim")
      const attacker = yield* onTheWayBack("injecting")
      const { outcome } = yield* outcomeAt(attacker, changed(attacker.back, { code: parameterOf(victim.back, "code") }))
      assert.strictEqual(outcome, "refused")
      assert.deepStrictEqual(yield* attacker.integrations, [])
      assert.strictEqual((yield* outcomeAt(victim, victim.back)).outcome, "connected")
    })
  )

  it.effect("a verifier that is missing, wrong, or sealed for another attempt", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const other = yield* onTheWayBack("verifier-of-another")
      for (const [name, verifier, outcome] of [
        ["verifier-missing", sql`NULL`, "refused"],
        ["verifier-garbage", sql`'nx1.k1.AAAA'`, "unavailable"],
        [
          "verifier-moved",
          sql`(SELECT verifier FROM nexus.oauth_state WHERE user_id = 'verifier-of-another' LIMIT 1)`,
          "unavailable"
        ]
      ] as const) {
        const user = yield* onTheWayBack(name)
        yield* sql`UPDATE nexus.oauth_state SET verifier = ${verifier} WHERE user_id = ${name}`
        assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, outcome, name)
        assert.deepStrictEqual(yield* user.integrations, [])
      }
      assert.strictEqual((yield* outcomeAt(other, other.back)).outcome, "connected")
      const rows = yield* sql`SELECT FROM nexus.oauth_state WHERE used_at IS NOT NULL AND verifier IS NOT NULL`
      assert.strictEqual(rows.length, 0, "no verifier outlives its use")
    })
  )

  it.effect("a forged error does not end somebody's attempt", () =>
    Effect.gen(function* () {
      const victim = yield* onTheWayBack("forged")
      const stranger = yield* openBrowser
      const forged = changed(victim.back, { code: null, error: "access_denied" })
      assert.strictEqual((yield* outcomeAt(stranger, forged)).outcome, "wrong_browser")
      for (const state of ["", "x", "A".repeat(43)]) {
        const { status, text } = yield* victim.visit(changed(forged, { state }))
        assert.strictEqual(status, 400)
        assert.include(text, "This sign-in is not known here")
      }
      assert.strictEqual((yield* outcomeAt(victim, victim.back)).outcome, "connected")
    })
  )

  it.effect("a state of another installation, none, two, and a long one", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("elsewhere")
      const state = parameterOf(user.back, "state")
      for (const query of [
        `code=x&state=${"Zz09_-".repeat(8).slice(0, 43)}`,
        "code=x",
        "",
        `code=x&state=${state}&state=${state}`,
        `code=x&state=${"A".repeat(10_000)}`,
        `code=x&state=${state.toLowerCase()}`,
        `code=x&state=${state}%00`
      ]) {
        const { status, headers } = yield* user.visit(`${user.callback}?${query}`)
        assert.strictEqual(status, 400, query.slice(0, 80))
        assert.match(headers.get("content-type") ?? "", /^text\/html/)
      }
      assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "connected")
    })
  )

  it.effect("two codes are none", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("twofold")
      assert.strictEqual((yield* outcomeAt(user, `${user.back}&code=other`)).outcome, "refused")
      assert.deepStrictEqual(yield* user.integrations, [])
      assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "connected")
    })
  )

  it.effect("another redirect URI than it began with", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const user = yield* onTheWayBack("moved")
      yield* sql`UPDATE nexus.oauth_state SET redirect_uri = 'https://old.example.com/' WHERE user_id = 'moved'`
      assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "not_configured")
      assert.deepStrictEqual(yield* user.integrations, [])
    })
  )
})
