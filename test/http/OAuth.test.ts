import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { cookieOf, openBrowser } from "../support/Browser.ts"
import { audited } from "../support/People.ts"
import { TestApi } from "../support/TestApi.ts"
import { dashboard, frontEnd, resultIn, returnUrl, site, traveller, travellingLayer } from "../support/Travelling.ts"

layer(travellingLayer(), { excludeTestServices: true, timeout: "60 seconds" })("Connecting in the browser", (it) => {
  it.effect("goes from the dashboard to the provider and back, and is connected then", () =>
    Effect.gen(function* () {
      const { signIn, begin, visit, cookies, provider, attempt, integrations } = yield* traveller("ann")
      yield* signIn
      const there = yield* begin()
      assert.strictEqual(there.status, 302, there.text)
      const asked = new URL(there.location)
      assert.strictEqual(asked.origin, provider.server.url, "pointed at the emulator")
      const { state, code_challenge: challenge, ...query } = Object.fromEntries(asked.searchParams)
      assert.deepStrictEqual(query, {
        response_type: "code",
        client_id: "meadow-client",
        redirect_uri: `${site}/integrations/oauth/meadow/callback`,
        scope: "files profile",
        prompt: "consent",
        code_challenge_method: "S256"
      })
      assert.match(state ?? "", /^[\w-]{43}$/)
      assert.match(challenge ?? "", /^[\w-]{43}$/)
      const { expires: _, ...attributes } = cookieOf(cookies, "__Host-nexus-oauth")?.attributes ?? {}
      assert.deepStrictEqual(attributes, {
        path: "/",
        httponly: "",
        secure: "",
        samesite: "Lax",
        "max-age": "600"
      })

      const back = yield* visit(provider.consent(there.location))
      assert.strictEqual(back.status, 302, back.text)
      assert.isTrue(back.location.startsWith(`${dashboard}?`), back.location)
      const result = resultIn(back.location)
      assert.deepInclude(result, {
        provider: "MEADOW",
        outcome: "connected",
        message: "Meadow is connected (Ada's meadow)"
      })
      const [integration] = yield* integrations
      assert.deepInclude(integration, { provider: "MEADOW", status: "ACTIVE", accountLabel: "Ada's meadow" })
      assert.deepStrictEqual(Object.keys(integration.credentials).sort(), ["accessToken", "expiresAt", "refreshToken"])
      const [entry] = yield* audited(integration.id)
      assert.deepInclude(entry, { action: "integration.connected", actor: "ann", address: "127.0.0.1" })
      const told = yield* attempt(result.attempt ?? "")
      assert.deepInclude(told.json, {
        id: result.attempt,
        provider: "MEADOW",
        outcome: "connected",
        message: result.message
      })
      assert.strictEqual(Date.parse(told.json.expiresAt) - Date.parse(told.json.createdAt), 600_000)
    })
  )

  it.effect("goes from a front end on another origin, with a token and its settings", () =>
    Effect.gen(function* () {
      const { post, visit, cookies, provider, attempt, integrations } = yield* traveller("bob")
      const there = yield* post({ returnUrl, settings: { colour: "blue" } }, { "sec-fetch-site": "cross-site" })
      assert.strictEqual(there.status, 200, there.text)
      assert.deepStrictEqual(Object.keys(there.json).sort(), ["expiresAt", "id", "url"])
      assert.strictEqual(there.headers.get("access-control-allow-origin"), frontEnd)
      assert.strictEqual(there.headers.get("access-control-allow-credentials"), "true")
      assert.deepInclude(cookieOf(cookies, "__Host-nexus-oauth-elsewhere")?.attributes, {
        samesite: "None",
        secure: ""
      })
      const pending = yield* attempt(there.json.id)
      assert.deepInclude(pending.json, { outcome: "PENDING", message: null, expiresAt: there.json.expiresAt })

      const back = yield* visit(provider.consent(there.json.url))
      const { searchParams } = new URL(back.location)
      assert.isTrue(back.location.startsWith(`${returnUrl}&`), back.location)
      assert.deepInclude(resultIn(back.location), { tab: "integrations", provider: "MEADOW", outcome: "connected" })
      assert.strictEqual(searchParams.get("attempt"), there.json.id)
      assert.strictEqual((yield* attempt(there.json.id)).json.outcome, "connected")
      assert.deepStrictEqual((yield* integrations)[0].settings, { colour: "blue" })
    })
  )

  it.effect("connects anew in place, and settings stay", () =>
    Effect.gen(function* () {
      const { post, visit, provider, integrations } = yield* traveller("again")
      yield* visit(provider.consent((yield* post({ settings: { colour: "blue" } })).json.url))
      const [first] = yield* integrations
      const back = yield* visit(provider.consent((yield* post({})).json.url))
      assert.strictEqual(back.status, 200, back.text)
      const [second] = yield* integrations
      assert.deepStrictEqual([second.id, second.settings], [first.id, { colour: "blue" }])
    })
  )

  it.effect("shows a page where there is nowhere to go back to", () =>
    Effect.gen(function* () {
      const { post, visit, provider, callback } = yield* traveller("page")
      const back = yield* visit(provider.consent((yield* post()).json.url))
      assert.strictEqual(back.status, 200)
      assert.include(back.text, "Meadow is connected (Ada&#39;s meadow)")
      const policy = back.headers.get("content-security-policy") ?? ""
      assert.include(policy, "default-src 'none'")
      assert.include(policy, "frame-ancestors 'none'")
      assert.strictEqual(back.headers.get("referrer-policy"), "no-referrer")
      assert.strictEqual(back.headers.get("cache-control"), "no-store")
      assert.match(back.headers.get("content-type") ?? "", /^text\/html/)

      const script = "<script>alert(1)</script>"
      const forged = `${callback}?state=${encodeURIComponent(script)}&error=${encodeURIComponent(script)}&error_description=${encodeURIComponent(script)}`
      const unknown = yield* visit(forged)
      assert.strictEqual(unknown.status, 400)
      assert.include(unknown.text, "This sign-in is not known here")
      assert.notInclude(unknown.text, "script")
    })
  )

  it.effect("tells a browser that is not signed in what to do, and scripts too", () =>
    Effect.gen(function* () {
      const { visit } = yield* openBrowser
      const path = "/integrations/oauth/meadow/authorize"
      const page = yield* visit(path, { headers: { accept: "text/html,application/xhtml+xml" } })
      assert.strictEqual(page.status, 401)
      assert.match(page.headers.get("content-type") ?? "", /^text\/html/)
      assert.include(page.text, "You are not signed in here. Sign in with this browser, then begin again")
      const problem = yield* visit(path)
      assert.deepStrictEqual([problem.status, problem.json.type], [401, "urn:nexus:problem:unauthenticated"])
    })
  )

  it.effect("says so when its user says no, or allows less than is needed", () =>
    Effect.gen(function* () {
      const { signIn, begin, visit, provider, attempt, integrations } = yield* traveller("careful")
      yield* signIn
      const denied = resultIn((yield* visit(provider.consent((yield* begin()).location, { deny: true }))).location)
      assert.deepInclude(denied, {
        outcome: "denied",
        message: "You did not allow the access to Meadow, so it was not connected. You can begin again any time"
      })
      assert.strictEqual((yield* attempt(denied.attempt ?? "")).json.outcome, "denied")
      const less = provider.consent((yield* begin()).location, { without: ["files"] })
      const missing = resultIn((yield* visit(less)).location)
      assert.strictEqual(missing.outcome, "missing_scope")
      assert.match(missing.message ?? "", /^Meadow was not allowed all that is needed.*: files$/)
      assert.deepStrictEqual(yield* integrations, [])
      const enough = provider.consent((yield* begin()).location, { without: ["profile"] })
      assert.strictEqual(resultIn((yield* visit(enough)).location).outcome, "connected")
    })
  )

  it.effect("says what the provider did, in words of our own", () =>
    Effect.gen(function* () {
      const { signIn, begin, visit, provider, callback, integrations } = yield* traveller("unlucky")
      const { server } = provider
      yield* signIn
      /** The result when these are the parameters that come back, beside the state. */
      const backWith = Effect.fnUntraced(function* (parameters: Readonly<Record<string, string>>) {
        const state = new URL((yield* begin()).location).searchParams.get("state") ?? ""
        const back = yield* visit(`${callback}?${new URLSearchParams({ ...parameters, state })}`)
        return resultIn(back.location)
      })
      const broken = yield* backWith({ error: "server_error", error_description: "<b>secret-4711</b>" })
      assert.deepInclude(broken, { outcome: "provider_error" })
      assert.include(broken.message, "Meadow broke the sign-in off (server_error)")
      const odd = yield* backWith({ error: "<b>secret-4711</b>" })
      assert.deepInclude(odd, { outcome: "provider_error" })
      assert.notInclude(JSON.stringify([broken, odd]), "secret-4711")
      const issued = yield* backWith({ code: "any", iss: "https://evil.example" })
      assert.deepInclude(issued, { outcome: "refused" })
      assert.strictEqual((yield* backWith({})).outcome, "refused")
      assert.strictEqual((yield* backWith({ code: "made-up" })).outcome, "refused")

      const isToken = ({ path }: { readonly path: string }) => path === "/token"
      server.inject({ kind: { status: 503, body: "secret-4711" }, when: isToken })
      const out = resultIn((yield* visit(provider.consent((yield* begin()).location))).location)
      assert.strictEqual(out.outcome, "unavailable")
      assert.notInclude(out.message, "secret-4711")
      server.inject({ kind: { status: 401, body: { error: "invalid_client" } }, when: isToken })
      assert.strictEqual(
        resultIn((yield* visit(provider.consent((yield* begin()).location))).location).outcome,
        "unavailable"
      )
      assert.deepStrictEqual(yield* integrations, [])

      // The credentials are fresh, and the provider takes them for none.
      provider.emulator.revokeAccess(true)
      const refused = resultIn((yield* visit(provider.consent((yield* begin()).location))).location)
      provider.emulator.revokeAccess(false)
      assert.strictEqual(refused.outcome, "refused")
      assert.match(refused.message ?? "", /^Meadow refuses the credentials/)
      assert.deepStrictEqual(yield* integrations, [])
    })
  )

  it.effect("names what is wrong with a request, and keeps nothing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { ask } = yield* TestApi
      const { post, token } = yield* traveller("clumsy")
      const wrong = yield* post({ settings: { colour: "0", nonsense: 1 } })
      assert.strictEqual(wrong.status, 400, wrong.text)
      assert.sameMembers(
        wrong.json.errors.map(({ path }: { path: string }) => path),
        ["settings.colour", "settings.nonsense"]
      )
      const unknown = yield* ask("POST", "/integrations/oauth/google/authorize", { token })
      assert.deepStrictEqual([unknown.status, unknown.json.type], [404, "urn:nexus:problem:oauth-unknown"])
      assert.include(unknown.json.detail, "There are: harbor, meadow")
      assert.strictEqual((yield* ask("GET", "/integrations/oauth/attempts/x", { token })).status, 404)
      const [row] = yield* sql<{ n: number }>`SELECT count(*)::int AS n FROM nexus.oauth_state WHERE user_id = 'clumsy'`
      assert.strictEqual(row?.n, 0)
    })
  )
})
