import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, DateTime, Effect, Fiber, Layer, Redacted } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { NewIntegration } from "../../src/domain/Integration.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { TokenRefresh } from "../../src/oauth/TokenRefresh.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { actor } from "../support/People.ts"

import { integration, TestLayer } from "./RefreshStand.ts"

/** Another process's refresh, on the same database. */
const anotherRefresh = Effect.map(Layer.build(Layer.fresh(TokenRefresh.layer)), (context) =>
  Context.get(context, TokenRefresh)
)

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("A token", (it) => {
  it.effect("is renewed before it ends, and the one that brought it is kept", () =>
    Effect.gen(function* () {
      const { verify, refreshes, credentials, refused, refreshToken } = yield* integration("ann", "TIDE", 30)
      yield* verify
      assert.strictEqual(refreshes(), 1)
      const { accessToken, expiresAt = "", ...rest } = yield* credentials
      assert.notStrictEqual(accessToken, refused)
      assert.deepStrictEqual(rest, { refreshToken })
      const left = DateTime.toEpochMillis(DateTime.makeUnsafe(expiresAt)) - DateTime.toEpochMillis(yield* DateTime.now)
      assert.approximately(left / 1000, 3600, 30)
      yield* verify
      assert.strictEqual(refreshes(), 1)
    })
  )

  it.effect("is renewed when it is refused, and the call made once more", () =>
    Effect.gen(function* () {
      const { verify, refreshes, oauth } = yield* integration("bob", "TIDE", null)
      yield* verify
      assert.strictEqual(refreshes(), 0)
      oauth.expire()
      assert.deepStrictEqual(yield* verify, { id: "tide-1", label: "Ada's tide" })
      assert.strictEqual(refreshes(), 1)
    })
  )

  it.effect("that is refused although it is new is not renewed again and again", () =>
    Effect.gen(function* () {
      const { check, refreshes, oauth, server } = yield* integration("cid", "TIDE", null)
      server.inject({ when: ({ path }) => path === "/me", times: 100, kind: json(401, {}) })
      const { status, lastErrorKind } = yield* check
      server.heal()
      assert.deepStrictEqual({ status, lastErrorKind }, { status: "ERROR", lastErrorKind: "Unauthorized" })
      assert.strictEqual(refreshes(), 1)
      assert.isDefined(oauth)
    })
  )

  it.effect("is renewed once for a hundred callers in two processes", () =>
    Effect.gen(function* () {
      for (const provider of ["TIDE", "EBB"] as const) {
        const { row, refused, refreshes, credentials } = yield* integration("dot", provider, -5)
        const one = yield* TokenRefresh
        const other = yield* anotherRefresh
        const found = yield* (yield* PluginRegistry).get(provider)
        const { oauth } = found
        assert.isDefined(oauth)
        const renewed = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? one : other)),
          ({ renew }) => renew({ ...found, oauth }, row, refused),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(refreshes(), 1)
        const { accessToken } = yield* credentials
        assert.deepStrictEqual(new Set(renewed.map((one) => Redacted.value(one).accessToken)), new Set([accessToken]))
      }
    }).pipe(Effect.scoped)
  )

  it.effect("brings a new refresh token with it where the provider rotates those", () =>
    Effect.gen(function* () {
      const { verify, refreshes, credentials, refreshToken, oauth } = yield* integration("eva", "EBB", 30)
      yield* verify
      const first = yield* credentials
      assert.notStrictEqual(first.refreshToken, refreshToken)
      oauth.expire()
      yield* verify
      assert.strictEqual(refreshes(), 2)
      assert.notStrictEqual((yield* credentials).refreshToken, first.refreshToken)
    })
  )

  it.effect("is renewed whatever the answer calls itself, and however it spells its lifetime", () =>
    Effect.gen(function* () {
      const answers = [
        {
          status: 200,
          headers: { "content-type": "text/javascript" },
          body: '{"access_token":"A","token_type":"bearer","expires_in":14400}'
        },
        {
          status: 200,
          headers: { "content-type": "text/html" },
          body: '{"access_token":"B","token_type":"Bearer","expires_in":"1800"}'
        },
        json(200, { access_token: "C", token_type: "Bearer", scopes: ["sea"], extra: { nested: true } })
      ]
      for (const [n, answer] of answers.entries()) {
        const { verify, server, credentials, refreshToken } = yield* integration(`fay-${n}`, "TIDE", 30)
        server.inject({ when: ({ path }) => path === "/token", kind: answer })
        // The emulator does not know that token, and the next refresh brings one that it knows.
        yield* verify
        assert.strictEqual((yield* credentials).refreshToken, refreshToken)
      }
    })
  )

  it.effect("that can't be renewed because its grant is over leads to ERROR, and nobody asks again", () =>
    Effect.gen(function* () {
      for (const provider of ["TIDE", "EBB"] as const) {
        const { check, oauth, refused, asks, verify } = yield* integration("gus", provider, 30)
        oauth.revoke(refused)
        oauth.expire()
        const { status, lastError } = yield* check
        assert.strictEqual(status, "ERROR")
        assert.match(lastError ?? "", /refuses the credentials: the access was withdrawn.* Connect again/)
        assert.strictEqual(asks(), 1)
        assert.strictEqual((yield* Effect.flip(verify)).reason._tag, "Unauthorized")
      }
    })
  )

  it.effect("that a provider of old codes calls invalid is over too, also with status 200", () =>
    Effect.gen(function* () {
      const { check, server, oauth } = yield* integration("hal", "TIDE", null)
      oauth.expire()
      server.inject({ when: ({ path }) => path === "/token", times: 2, kind: json(200, { error: "invalid_code" }) })
      assert.strictEqual((yield* check).lastErrorKind, "Unauthorized")
      server.heal()
    })
  )

  it.effect("waits for an outage of the authorization server, and works while it still can", () =>
    Effect.gen(function* () {
      const outages = [
        json(503, {}),
        { status: 502, headers: { "content-type": "text/html" }, body: "<html>Bad gateway</html>" },
        json(400, { error: "temporarily_unavailable" }),
        json(401, { error: "invalid_client" }, { "www-authenticate": "Basic realm=x" }),
        "cut" as const,
        { status: 200, body: "no JSON at all" },
        json(200, { token_type: "Bearer" }),
        json(400, { error: "too many requests" })
      ]
      for (const [n, kind] of outages.entries()) {
        const soon = yield* integration(`ivy-${n}`, "TIDE", 30)
        soon.server.inject({ when: ({ path }) => path === "/token", times: 10, kind })
        assert.deepInclude(yield* soon.check, { status: "ACTIVE", lastErrorKind: null })
        const over = yield* integration(`ike-${n}`, "TIDE", -30)
        const { status, lastErrorKind, lastError } = yield* over.check
        assert.strictEqual(status, "ERROR")
        assert.strictEqual(lastErrorKind, n === 7 ? "RateLimited" : "Unavailable")
        assert.notInclude(lastError ?? "", "canary")
        over.server.heal()
        assert.strictEqual((yield* over.check).status, "ACTIVE")
        assert.isAtMost(over.asks(), 3)
      }
    })
  )

  it.effect("that no request could carry does not take the place of one that can be renewed", () =>
    Effect.gen(function* () {
      const answers = [
        { access_token: "tide\r\nx-evil: 1" },
        { access_token: "tide\u0000" },
        { access_token: "\ud800" },
        { access_token: "t".repeat(5000) },
        { access_token: "tide-access-0000000000", padding: "p".repeat(1_000_000) },
        { access_token: "tide-access-0000000000", refresh_token: "r".repeat(5000) }
      ]
      for (const [n, answer] of answers.entries()) {
        const { check, server, credentials, refreshToken } = yield* integration(`jan-${n}`, "TIDE", -30)
        server.inject({
          when: ({ path }) => path === "/token",
          times: 10,
          kind: json(200, { token_type: "Bearer", ...answer })
        })
        assert.strictEqual((yield* check).lastErrorKind, "Unavailable")
        server.heal()
        assert.strictEqual((yield* credentials).refreshToken, refreshToken)
        assert.strictEqual((yield* check).status, "ACTIVE")
      }
    })
  )

  it.effect("is asked for a second time where that costs nothing, and not where it could end the grant", () =>
    Effect.gen(function* () {
      const kept = yield* integration("joe", "TIDE", null)
      kept.oauth.expire()
      kept.server.inject({ when: ({ path }) => path === "/token", kind: "cutAnswer" })
      yield* kept.verify
      assert.strictEqual(kept.asks(), 2)
      const rotated = yield* integration("jim", "EBB", null)
      rotated.oauth.expire()
      rotated.server.inject({ when: ({ path }) => path === "/token", kind: "cutAnswer" })
      assert.strictEqual((yield* rotated.check).lastErrorKind, "Unavailable")
      assert.strictEqual(rotated.asks(), 1)
      // What was lost was the only one that still opens: nothing is left but to connect again, and to say so.
      assert.strictEqual((yield* rotated.check).lastErrorKind, "Unauthorized")
      assert.strictEqual(rotated.asks(), 2)
    })
  )

  it.effect("that came for somebody who has hung up is stored, as there is no other one any more", () =>
    Effect.gen(function* () {
      const { verify, server, credentials, refreshToken } = yield* integration("kay", "EBB", -30)
      const asking = yield* Effect.forkChild(verify)
      server.inject({
        when: ({ path }) => {
          if (path === "/token") asking.interruptUnsafe()
          return false
        },
        kind: "cut"
      })
      yield* Fiber.await(asking)
      server.heal()
      assert.notStrictEqual((yield* credentials).refreshToken, refreshToken)
      yield* verify
    })
  )

  it.effect("is left to whoever connects again in the meantime", () =>
    Effect.gen(function* () {
      const { row, verify, oauth, server, credentials } = yield* integration("kim", "TIDE", null)
      const integrations = yield* Integrations
      oauth.expire()
      const other = oauth.give(["sea"])
      server.inject({
        when: ({ path }) => path === "/token",
        kind: json(400, { error: "invalid_grant" })
      })
      yield* integrations.connect(actor("kim"), new NewIntegration({ provider: "TIDE", credentials: other }))
      // A session that was opened with the row of before.
      yield* verify
      assert.deepInclude(yield* credentials, other)
      assert.strictEqual((yield* (yield* IntegrationRepo).byId(row.id))?.status, "ACTIVE")
      server.heal()
    })
  )

  it.effect("of a process that died while it renewed it is renewed by the next, once its time is over", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { row, verify, refreshes } = yield* integration("lea", "TIDE", -30)
      yield* sql`
        UPDATE nexus.integration SET refresh_lease = gen_random_uuid(), refresh_until = now() + interval '1 second'
        WHERE id = ${row.id}::uuid`
      yield* verify
      assert.strictEqual(refreshes(), 1)
      const [lease] = yield* sql`SELECT refresh_lease, refresh_until FROM nexus.integration WHERE id = ${row.id}::uuid`
      assert.deepEqual({ ...lease }, { refreshLease: null, refreshUntil: null })
    })
  )
})
