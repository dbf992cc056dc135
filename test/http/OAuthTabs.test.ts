import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { cookieOf } from "../support/Browser.ts"
import { resultIn, returnUrl, traveller, travellingLayer } from "../support/Travelling.ts"

layer(travellingLayer(), { excludeTestServices: true, timeout: "60 seconds" })("Connecting in several tabs", (it) => {
  it.effect("takes two tabs at once", () =>
    Effect.gen(function* () {
      const { signIn, begin, visit, provider, cookies } = yield* traveller("tabs")
      yield* signIn
      const first = yield* begin()
      const cookie = cookieOf(cookies, "__Host-nexus-oauth")?.value
      const second = yield* begin()
      assert.strictEqual(cookieOf(cookies, "__Host-nexus-oauth")?.value, cookie)
      for (const { location } of [second, first]) {
        assert.strictEqual(resultIn((yield* visit(provider.consent(location))).location).outcome, "connected")
      }
    })
  )

  it.effect("takes two tabs that begin at the same moment, before the browser has any cookie", () =>
    Effect.gen(function* () {
      const { post, visit, provider } = yield* traveller("moment")
      const begun = yield* Effect.all([post({ returnUrl }), post({ returnUrl })], { concurrency: 2 })
      for (const { json } of begun) {
        assert.strictEqual(resultIn((yield* visit(provider.consent(json.url))).location).outcome, "connected")
      }
    })
  )

  it.effect("takes a tab of the dashboard and one of a front end on another site at once", () =>
    Effect.gen(function* () {
      const { signIn, begin, post, visit, provider, cookies } = yield* traveller("sites")
      yield* signIn
      const first = yield* begin()
      // Browsers send no lax cookie along with requests of another site's page.
      const lax = new Map(cookies)
      cookies.clear()
      const second = yield* post({ returnUrl }, { "sec-fetch-site": "cross-site" })
      for (const [name, cookie] of lax) cookies.set(name, cookie)
      for (const url of [first.location, second.json.url]) {
        assert.strictEqual(resultIn((yield* visit(provider.consent(url))).location).outcome, "connected")
      }
    })
  )
})
