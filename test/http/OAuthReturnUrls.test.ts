import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { dashboard, frontEnd, returnUrl, traveller, travellingLayer } from "../support/Travelling.ts"

const host = "app.example.com"

/** What browsers, or somebody's comparison, might take for one of the allowed URLs. */
const elsewhere: Readonly<Record<string, string>> = {
  "another host": "https://evil.example/",
  "longer path": `${returnUrl}/more`,
  "longer query": `${returnUrl}&next=https://evil.example`,
  fragment: `${returnUrl}#x`,
  "shorter path": frontEnd,
  "allowed as a prefix of the host": `https://${host}.evil.example/settings?tab=integrations`,
  "allowed as the suffix of the host": `https://evil-${host}/settings?tab=integrations`,
  subdomain: `https://x.${host}/settings?tab=integrations`,
  userinfo: `https://${host}@evil.example/settings?tab=integrations`,
  "userinfo at the host": `https://evil@${host}/settings?tab=integrations`,
  "userinfo with a password": `https://${host}:443@evil.example/`,
  "upper case host": `https://APP.example.com/settings?tab=integrations`,
  "upper case scheme": `HTTPS://${host}/settings?tab=integrations`,
  "trailing dot": `https://${host}./settings?tab=integrations`,
  "default port": `https://${host}:443/settings?tab=integrations`,
  "other port": `https://${host}:8443/settings?tab=integrations`,
  http: `http://${host}/settings?tab=integrations`,
  "no scheme": `//${host}/settings?tab=integrations`,
  "no scheme, other host": "//evil.example",
  "three slashes": "https:///evil.example",
  "one slash": "https:/evil.example",
  "no slash": "https:evil.example",
  backslashes: `https:\\\\evil.example`,
  "backslash before the host": `https://evil.example\\@${host}/settings?tab=integrations`,
  "backslash in the path": `https://${host}\\settings?tab=integrations`,
  path: "/dashboard/integrations",
  "relative path": "dashboard/integrations",
  "up and down": `${frontEnd}/other/../settings?tab=integrations`,
  "encoded letter": `${frontEnd}/s%65ttings?tab=integrations`,
  "encoded slash": `${frontEnd}%2fsettings?tab=integrations`,
  "encoded whole": encodeURIComponent(returnUrl),
  "encoded at": `https://${host}%40evil.example/`,
  "encoded dots": `${frontEnd}/%2e%2e/settings?tab=integrations`,
  javascript: "javascript:alert(1)//https://app.example.com/settings",
  data: "data:text/html,<script>alert(1)</script>",
  "space before": ` ${returnUrl}`,
  "space behind": `${returnUrl} `,
  "tab inside": returnUrl.replace("settings", "set\ttings"),
  "line break": `${returnUrl}\r\nlocation: https://evil.example`,
  "null character": `${returnUrl}\u0000`,
  "full-width dot": `https://app\uff0eexample\uff0ecom/settings?tab=integrations`,
  "full-width slash": `https://evil.example\uff0f${host}/settings`,
  "Cyrillic letter": `https://\u0430pp.example.com/settings?tab=integrations`,
  "soft hyphen": `https://a\u00adpp.example.com/settings?tab=integrations`,
  "right to left": `https://\u202e${host}/settings?tab=integrations`,
  "list of two": `${returnUrl}, ${frontEnd}/other`,
  empty: "",
  "dashboard of another host": dashboard.replace("nexus", "evil"),
  "longer dashboard": `${dashboard}/..`,
  callback: dashboard.replace("/dashboard/integrations", "/integrations/oauth/meadow/callback")
}

layer(travellingLayer(), { excludeTestServices: true, timeout: "60 seconds" })("Return URLs", (it) => {
  it.effect("are taken to the letter", () =>
    Effect.gen(function* () {
      const user = yield* traveller("ann")
      yield* user.signIn
      for (const url of [dashboard, returnUrl, `${frontEnd}/other`]) {
        assert.strictEqual((yield* user.begin(url)).status, 302, url)
        assert.strictEqual((yield* user.post({ returnUrl: url })).status, 200, url)
      }
    })
  )

  for (const [spelling, url] of Object.entries(elsewhere)) {
    it.effect(`elsewhere are refused: ${spelling}`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const user = yield* traveller("eve")
        yield* user.signIn
        for (const answer of [yield* user.begin(url), yield* user.post({ returnUrl: url })]) {
          assert.deepStrictEqual([answer.status, answer.location], [400, ""])
          assert.strictEqual(answer.json.errors[0].path, "returnUrl")
        }
        const rows = yield* sql`SELECT FROM nexus.oauth_state WHERE user_id = 'eve'`
        assert.strictEqual(rows.length, 0)
      })
    )
  }

  it.effect("that are given twice, or to the callback, are none", () =>
    Effect.gen(function* () {
      const user = yield* traveller("eve")
      yield* user.signIn
      const twice = `returnUrl=${encodeURIComponent(returnUrl)}&returnUrl=${encodeURIComponent("https://evil.example")}`
      assert.strictEqual((yield* user.visit(`/integrations/oauth/meadow/authorize?${twice}`)).status, 400)
      const there = yield* user.post()
      const back = `${user.provider.consent(there.json.url)}&returnUrl=${encodeURIComponent("https://evil.example")}`
      const page = yield* user.visit(back)
      assert.deepStrictEqual([page.status, page.location], [200, ""])
    })
  )
})
