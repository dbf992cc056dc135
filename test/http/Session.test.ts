import { createHash } from "node:crypto"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Principal } from "../../src/domain/Principal.ts"
import { Tokens } from "../../src/http/Tokens.ts"
import { openBrowser } from "../support/Browser.ts"
import { TestApi } from "../support/TestApi.ts"

const site = "https://nexus.example.com"
const own = { origin: site }
const events = "/integrations/events"
const event = { method: "POST", body: { eventType: "CARD_VIEW", payload: {} } }

/** A browser that is signed in. */
const signIn = Effect.fnUntraced(function* (token: string, headers: Record<string, string> = {}) {
  const browser = yield* openBrowser
  const answer = yield* browser.visit("/session", {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...headers }
  })
  return { ...browser, answer }
})

layer(TestApi.layer({ PUBLIC_URL: `${site}/`, CORS_ORIGINS: "https://app.example.com" }), {
  excludeTestServices: true
})("A browser's session", (it) => {
  it.effect("stands for the token that started it, at every endpoint", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const { visit, cookies, answer } = yield* signIn(yield* token("ann", "admin"))
      assert.strictEqual(answer.status, 200, answer.text)
      assert.deepInclude(answer.json, { userId: "ann", scopes: ["admin"] })
      const left = Date.parse(answer.json.expiresAt) - Date.now()
      assert.isTrue(left > 3_500_000 && left <= 3_610_000, "as long as the token of an hour")
      const cookie = cookies.get("__Host-nexus-session")
      const { expires: _, "max-age": age, ...attributes } = cookie?.attributes ?? {}
      assert.deepStrictEqual(attributes, { path: "/", httponly: "", secure: "", samesite: "Lax" })
      assert.isTrue(Number(age) > 3500 && Number(age) <= 3600)
      assert.match(cookie?.value ?? "", /^[\w-]{43}$/)

      assert.deepStrictEqual((yield* visit("/session")).json, answer.json)
      for (const path of ["/integrations", "/audit-log", "/contacts", "/integrations/dead-letters"]) {
        assert.strictEqual((yield* visit(path)).status, 200, path)
      }
      assert.strictEqual((yield* visit(events, { ...event, headers: own })).status, 202)
      const log = yield* visit("/audit-log")
      assert.deepInclude(log.json[0], { userId: "ann", actor: "ann", action: "session.started" })
      assert.notInclude(log.text, cookie?.value ?? "")
    })
  )

  it.effect("changes nothing for pages of another origin", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const { visit } = yield* signIn(yield* token("csrf"))
      const origins = [
        undefined,
        "null",
        "https://evil.example",
        "https://app.example.com",
        `${site}.evil.example`,
        `${site}:8443`,
        "http://nexus.example.com",
        "https://NEXUS.example.com",
        `${site}/`
      ]
      for (const origin of origins) {
        const headers: Record<string, string> = origin === undefined ? {} : { origin }
        for (const [method, path] of [
          ["POST", events],
          ["DELETE", "/session"],
          ["DELETE", "/integrations/HUBSPOT"],
          ["PATCH", "/integrations/HUBSPOT"],
          ["POST", "/integrations/connect"]
        ] as const) {
          const refused = yield* visit(path, { method, headers, body: method === "DELETE" ? undefined : event.body })
          assert.deepStrictEqual([refused.status, refused.json.type], [403, "urn:nexus:problem:forbidden"], path)
          assert.include(refused.json.detail, site)
          assert.include(refused.json.detail, "PUBLIC_URL")
        }
        assert.strictEqual((yield* visit("/integrations", { headers })).status, 200)
      }
    })
  )

  it.effect("gives way to a token, and is no way around one that is refused", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const { visit } = yield* signIn(yield* token("ann"))
      const other = { authorization: `Bearer ${yield* token("bob")}` }
      yield* visit(events, { ...event, headers: { ...other, "idempotency-key": "k" } })
      const logged = yield* visit("/integrations/webhooks", {
        method: "POST",
        headers: other,
        body: { url: "http://127.0.0.1:8099/", events: ["*"] }
      })
      assert.strictEqual(logged.status, 201, logged.text)
      assert.strictEqual((yield* visit("/integrations/webhooks", { headers: other })).json.length, 1)
      assert.strictEqual((yield* visit("/integrations/webhooks")).json.length, 0)

      const wrong = yield* visit("/integrations", { headers: { authorization: "Bearer nonsense" } })
      assert.strictEqual(wrong.status, 401)
      assert.include(wrong.headers.get("www-authenticate"), "invalid_token")
      // A proxy's own password is none of ours.
      assert.strictEqual((yield* visit("/session", { headers: { authorization: "Basic eDp5" } })).status, 200)
    })
  )

  it.effect("ends when it is told to, and its cookies are cleared", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const { visit, cookies } = yield* signIn(yield* token("leaver"))
      const kept = new Map(cookies)
      const { status, json } = yield* visit("/session", { method: "DELETE", headers: own })
      assert.deepStrictEqual([status, json], [200, { success: true }])
      assert.strictEqual(cookies.size, 0)
      assert.strictEqual((yield* visit("/session")).status, 401)

      for (const [name, cookie] of kept) cookies.set(name, cookie)
      const over = yield* visit("/integrations")
      assert.strictEqual(over.status, 401)
      assert.include(over.json.detail, "The session of this browser is over")
      assert.strictEqual(cookies.size, 0, "a cookie that is good for nothing goes")
      const log = yield* visit("/audit-log", { headers: { authorization: `Bearer ${yield* token("leaver")}` } })
      assert.deepStrictEqual(
        log.json.map(({ action }: { action: string }) => action),
        ["session.ended", "session.started"]
      )
    })
  )

  it.effect("ends by the database's clock, and no cookie of another form is looked for", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const sql = yield* PgClient.PgClient
      const { visit, cookies } = yield* signIn(yield* token("late"))
      yield* sql`UPDATE nexus.session SET expires_at = now() WHERE user_id = 'late'`
      assert.strictEqual((yield* visit("/integrations")).status, 401)
      for (const value of ["", "x", "'; DROP TABLE nexus.session", "A".repeat(43), "A".repeat(5000)]) {
        cookies.set("__Host-nexus-session", { value: encodeURIComponent(value), attributes: {} })
        assert.strictEqual((yield* visit("/integrations")).status, 401)
      }
      cookies.clear()
      const valid = (yield* signIn(yield* token("late"))).cookies.get("__Host-nexus-session")
      assert.isDefined(valid)
      cookies.set("nexus-session", valid)
      assert.strictEqual((yield* visit("/integrations")).status, 401, "the name without __Host- is not taken on https")
    })
  )

  it.effect("lasts twelve hours at most, and is kept as a hash", () =>
    Effect.gen(function* () {
      const tokens = yield* Tokens
      const sql = yield* PgClient.PgClient
      const token = yield* tokens.issue(new Principal({ userId: "long", scopes: [] }), "7 days")
      const { cookies } = yield* signIn(Redacted.value(token))
      const { value = "", attributes } = cookies.get("__Host-nexus-session") ?? {}
      assert.strictEqual(attributes?.["max-age"], "43200")
      const [row] = yield* sql<{ hash: string; hours: number }>`
        SELECT token_hash AS hash, extract(epoch FROM expires_at - created_at)::float / 3600 AS hours FROM nexus.session WHERE user_id = 'long'`
      assert.deepStrictEqual(row, { hash: createHash("sha256").update(value).digest("hex"), hours: 12 })
    })
  )

  it.effect("is started by tokens alone, anew each time, and the one before ends", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const bearer = yield* token("again")
      const { visit, cookies } = yield* signIn(bearer)
      const first = cookies.get("__Host-nexus-session")
      assert.strictEqual((yield* visit("/session", { method: "POST", headers: own })).status, 403)
      yield* visit("/session", { method: "POST", headers: { authorization: `Bearer ${bearer}` } })
      const second = cookies.get("__Host-nexus-session")
      assert.notStrictEqual(second?.value, first?.value)
      assert.strictEqual((yield* visit("/session")).status, 200)
      assert.isDefined(first)
      cookies.set("__Host-nexus-session", first)
      assert.strictEqual((yield* visit("/session")).status, 401)
      const { ask } = yield* TestApi
      const none = yield* ask("GET", "/session")
      assert.deepStrictEqual([none.status, none.json.type], [404, "urn:nexus:problem:no-session"])
    })
  )

  it.effect("of a user whom a service acts for reaches no further than that user", () =>
    Effect.gen(function* () {
      const { token } = yield* TestApi
      const service = yield* token("backend", "service", "admin")
      const { visit, answer } = yield* signIn(service, { "nexus-user": "user-7" })
      assert.deepInclude(answer.json, { userId: "user-7", scopes: [] })
      assert.strictEqual((yield* visit("/integrations", { headers: { "nexus-user": "user-7" } })).status, 200)
      assert.strictEqual((yield* visit("/integrations", { headers: { "nexus-user": "user-8" } })).status, 403)
      assert.strictEqual((yield* visit("/integrations/dead-letters")).status, 403)
      const [entry] = (yield* visit("/audit-log")).json
      assert.deepInclude(entry, { userId: "user-7", actor: "backend" })
    })
  )
})

layer(TestApi.layer({ PUBLIC_URL: "http://localhost:3001" }), { excludeTestServices: true })(
  "A browser's session on http",
  (it) => {
    it.effect("has a cookie that http can carry", () =>
      Effect.gen(function* () {
        const { token } = yield* TestApi
        const { visit, cookies } = yield* signIn(yield* token("ann"))
        const { attributes } = cookies.get("nexus-session") ?? { attributes: {} }
        assert.deepStrictEqual(Object.keys(attributes).sort(), ["httponly", "max-age", "path", "samesite"])
        assert.strictEqual((yield* visit("/session")).status, 200)
        const headers = { origin: "http://localhost:3001" }
        assert.strictEqual((yield* visit(events, { ...event, headers })).status, 202)
      })
    )
  }
)
