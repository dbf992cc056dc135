import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { openBrowser } from "../support/Browser.ts"
import { TestApi } from "../support/TestApi.ts"
import {
  changed,
  oauthOf,
  onTheWayBack,
  outcomeAt,
  resultIn,
  traveller,
  travellingLayer
} from "../support/Travelling.ts"

layer(travellingLayer(), { excludeTestServices: true, timeout: "60 seconds" })("Attacks on connecting", (it) => {
  it.effect("replay: a callback is taken once", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("replay")
      assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "connected")
      const before = user.provider.counts().exchanges
      const again = yield* outcomeAt(user, user.back)
      assert.strictEqual(again.outcome, "used")
      assert.strictEqual(user.provider.counts().exchanges, before)
      assert.strictEqual((yield* user.attempt(again.attempt ?? "")).json.outcome, "connected", "the end stays the end")
      assert.strictEqual((yield* user.integrations).length, 1)
    })
  )

  it.effect("50 callbacks at once: one exchange", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("flood")
      const before = user.provider.counts().exchanges
      const results = yield* Effect.all(
        Array.from({ length: 50 }, () => outcomeAt(user, user.back)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(user.provider.counts().exchanges, before + 1)
      const outcomes = results.map(({ outcome }) => outcome)
      assert.deepStrictEqual(outcomes.sort(), ["connected", ...Array(49).fill("used")])
      assert.strictEqual((yield* user.integrations)[0].status, "ACTIVE", "the code was used once, so the grant lives")
    })
  )

  it.effect("expired: ten minutes by the database's clock", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const user = yield* onTheWayBack("late")
      yield* sql`UPDATE nexus.oauth_state SET expires_at = now(), created_at = now() - interval '10 minutes' WHERE user_id = 'late'`
      const before = user.provider.counts().exchanges
      const { outcome, attempt, message } = yield* outcomeAt(user, user.back)
      assert.deepStrictEqual([outcome, user.provider.counts().exchanges], ["expired", before])
      assert.deepInclude((yield* user.attempt(attempt ?? "")).json, { outcome, message })
      assert.deepStrictEqual(yield* user.integrations, [])
    })
  )

  it.effect("another browser: with no cookie, and with another attempt's", () =>
    Effect.gen(function* () {
      const victim = yield* onTheWayBack("victim")
      const stranger = yield* openBrowser
      assert.strictEqual((yield* outcomeAt(stranger, victim.back)).outcome, "wrong_browser")
      // The attacker's link: their own state and code, in the browser of a victim who is on the way too.
      const attacker = yield* onTheWayBack("attacker")
      assert.strictEqual((yield* outcomeAt(victim, attacker.back)).outcome, "wrong_browser")
      for (const user of [victim, attacker]) assert.deepStrictEqual(yield* user.integrations, [])
      // Neither used the state up.
      for (const user of [victim, attacker]) {
        assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "connected")
      }
    })
  )

  it.effect("another user, who has signed in with this browser in the meantime", () =>
    Effect.gen(function* () {
      const first = yield* onTheWayBack("first")
      const { token } = yield* TestApi
      const headers = { authorization: `Bearer ${yield* token("second")}` }
      yield* first.visit("/session", { method: "POST", headers })
      assert.strictEqual((yield* outcomeAt(first, first.back)).outcome, "wrong_user")
      assert.deepStrictEqual(yield* first.integrations, [])
      yield* first.signIn
      assert.strictEqual((yield* outcomeAt(first, first.back)).outcome, "connected")
    })
  )

  it.effect("whoever comes after a user has signed out finishes nothing that they began", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("gone-home")
      yield* user.visit("/session", { method: "DELETE", headers: { origin: "https://nexus.example.com" } })
      assert.strictEqual(user.cookies.size, 0)
      assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "wrong_browser")
      assert.deepStrictEqual(yield* user.integrations, [])
    })
  )

  it.effect("mix-up: a state that comes back to another provider's callback", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("mixed")
      const harbor = yield* oauthOf("harbor")
      const before = harbor.server.requests.length
      const elsewhere = user.back.replace("/oauth/meadow/", "/oauth/harbor/")
      const { outcome, provider } = yield* outcomeAt(user, elsewhere)
      assert.deepStrictEqual([outcome, provider], ["wrong_provider", "MEADOW"])
      assert.strictEqual(harbor.server.requests.length, before, "no code was sent to another provider")
      const nowhere = yield* user.visit(user.back.replace("/oauth/meadow/", "/oauth/nobody/"))
      assert.strictEqual(resultIn(nowhere.location).outcome, "wrong_provider")
      assert.strictEqual((yield* outcomeAt(user, user.back)).outcome, "connected")
    })
  )

  it.effect("mix-up: an answer that names another issuer", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("issued")
      const before = user.provider.counts().exchanges
      const { outcome } = yield* outcomeAt(user, changed(user.back, { iss: "https://accounts.harbor.example" }))
      assert.deepStrictEqual([outcome, user.provider.counts().exchanges], ["refused", before])
      const right = yield* onTheWayBack("issued")
      const iss = "https://accounts.meadow.example"
      assert.strictEqual((yield* outcomeAt(right, changed(right.back, { iss }))).outcome, "connected")
    })
  )

  it.effect("a page of another origin can't begin with the cookie alone", () =>
    Effect.gen(function* () {
      const user = yield* traveller("lured")
      yield* user.signIn
      const path = "/integrations/oauth/meadow/authorize"
      const headers = { origin: "https://app.example.com" }
      assert.strictEqual((yield* user.visit(path, { method: "POST", headers, body: {} })).status, 403)
      assert.strictEqual((yield* user.visit(path, { method: "POST", body: {} })).status, 403)
      const own = { origin: "https://nexus.example.com" }
      assert.strictEqual((yield* user.visit(path, { method: "POST", headers: own, body: {} })).status, 200)
      const evil = yield* user.post({}, { origin: "https://evil.example" })
      assert.isNull(evil.headers.get("access-control-allow-origin"))
    })
  )

  it.effect(
    "a link on another site does not begin either, as it may come with that site's account of the provider",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const user = yield* traveller("led-astray")
        yield* user.signIn
        const from = (site: string) =>
          user.visit("/integrations/oauth/meadow/authorize", {
            headers: { accept: "text/html", "sec-fetch-site": site, "sec-fetch-mode": "navigate" }
          })
        const { status, text, headers } = yield* from("cross-site")
        assert.strictEqual(status, 403)
        assert.include(text, "Begin on the page of integrations")
        assert.isNull(headers.get("set-cookie"))
        assert.lengthOf(yield* sql`SELECT FROM nexus.oauth_state WHERE user_id = 'led-astray'`, 0)
        for (const site of ["same-origin", "same-site", "none"]) assert.strictEqual((yield* from(site)).status, 302)
      })
  )

  it.effect("nobody reads how another user's attempt ended", () =>
    Effect.gen(function* () {
      const user = yield* onTheWayBack("private")
      const { attempt } = yield* outcomeAt(user, user.back)
      const curious = yield* traveller("curious")
      assert.strictEqual((yield* curious.attempt(attempt ?? "")).status, 404)
      assert.strictEqual((yield* user.attempt(attempt ?? "")).status, 200)
    })
  )

  it.effect("a browser that hangs up leaves no attempt half done", () =>
    Effect.gen(function* () {
      const { url } = yield* TestApi
      const user = yield* onTheWayBack("hasty")
      const controller = new AbortController()
      const cookie = Array.from(user.cookies, ([name, { value }]) => `${name}=${value}`).join("; ")
      const asked = user.provider.counts().exchanges
      const gone = fetch(url + user.back.replace(/^https?:\/\/[^/]+/, ""), {
        redirect: "manual",
        headers: { cookie },
        signal: controller.signal
      }).catch(() => undefined)
      yield* Effect.suspend(() => Effect.succeed(user.provider.counts().exchanges)).pipe(
        Effect.repeat({ until: (exchanges) => exchanges > asked, schedule: Schedule.spaced("1 millis") })
      )
      controller.abort()
      yield* Effect.promise(() => gone)
      yield* user.integrations.pipe(
        Effect.repeat({ until: (list) => list.length === 1, schedule: Schedule.spaced("20 millis") }),
        Effect.timeout("10 seconds")
      )
    })
  )
})

layer(travellingLayer({ NEXUS_UNAUTHENTICATED_REQUESTS_PER_MINUTE: "3" }), { excludeTestServices: true })(
  "Callbacks of one address",
  (it) => {
    it.effect("are counted", () =>
      Effect.gen(function* () {
        const { visit } = yield* openBrowser
        const path = "/integrations/oauth/meadow/callback?state=x"
        for (const status of [400, 400, 400, 429]) assert.strictEqual((yield* visit(path)).status, status)
        const page = yield* visit(path, { headers: { accept: "text/html" } })
        assert.strictEqual(page.status, 429)
        assert.match(page.headers.get("content-type") ?? "", /^text\/html/)
        assert.isNotNull(page.headers.get("retry-after"))
      })
    )
  }
)
