import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { TestApi } from "../support/TestApi.ts"
import { dashboard, resultIn, site, traveller, travellingLayer } from "../support/Travelling.ts"

layer(
  travellingLayer({
    MEADOW_CLIENT_SECRET: "",
    HARBOR_REDIRECT_URI: "http://127.0.0.1:3001/integrations/oauth/harbor/callback"
  }),
  {
    excludeTestServices: true,
    timeout: "60 seconds"
  }
)("A provider that is not set up", (it) => {
  it.effect("is in the catalogue with what is missing", () =>
    Effect.gen(function* () {
      const { ask, logs } = yield* TestApi
      const { json } = yield* ask("GET", "/integrations/providers")
      const [harbor, meadow] = json
      assert.deepStrictEqual(meadow.oauth, {
        slug: "meadow",
        authorizeUrl: "/integrations/oauth/meadow/authorize",
        redirectUri: `${site}/integrations/oauth/meadow/callback`,
        isConfigured: false,
        missing: ["MEADOW_CLIENT_SECRET"]
      })
      assert.deepInclude(harbor.oauth, { isConfigured: true, missing: [] })
      assert.deepStrictEqual(meadow.capabilities, ["oauth"])
      const warnings = logs.filter((line) => line.includes("HARBOR_REDIRECT_URI"))
      assert.strictEqual(warnings.length, 1)
      assert.include(warnings[0], "is at another origin than PUBLIC_URL")
      assert.isFalse(logs.some((line) => line.includes("MEADOW_REDIRECT_URI")))
      assert.isTrue(logs.some((line) => line.includes("MEADOW_CLIENT_ID is set and MEADOW_CLIENT_SECRET is not")))
    })
  )

  it.effect("is told of as the outcome, as a problem and as a page", () =>
    Effect.gen(function* () {
      const { signIn, begin, post, visit } = yield* traveller("early")
      yield* signIn
      const back = yield* begin()
      assert.strictEqual(back.status, 302)
      assert.isTrue(back.location.startsWith(dashboard))
      const { outcome, message } = resultIn(back.location)
      assert.strictEqual(outcome, "not_configured")
      assert.include(message, "MEADOW_CLIENT_SECRET")
      const problem = yield* post()
      assert.deepStrictEqual([problem.status, problem.json.missing], [409, ["MEADOW_CLIENT_SECRET"]])
      const page = yield* visit("/integrations/oauth/meadow/authorize", { headers: { accept: "text/html" } })
      assert.strictEqual(page.status, 409)
      assert.include(page.text, "MEADOW_CLIENT_SECRET")
    })
  )
})
