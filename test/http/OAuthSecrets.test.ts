import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { databaseDump, leaksIn, makeSpanKeeper } from "../support/Leaks.ts"
import { TestApi } from "../support/TestApi.ts"
import { traveller, travellingLayer } from "../support/Travelling.ts"

const keeper = makeSpanKeeper()

layer(travellingLayer().pipe(Layer.provide(keeper.layer)), { excludeTestServices: true, timeout: "60 seconds" })(
  "The secrets of connecting in the browser",
  (it) => {
    it.effect("are in no log line, trace or table, whatever becomes of the attempt", () =>
      Effect.gen(function* () {
        const { logs } = yield* TestApi
        const secrets: Record<string, string> = { "the client's secret": "meadow-client-secret-4711" }
        const seen: Array<readonly [string, string]> = []
        for (const end of ["connected", "denied", "missing", "replayed", "unavailable", "elsewhere", "forged"]) {
          const user = yield* traveller(`secret-${end}`)
          yield* user.signIn
          const there = yield* user.begin()
          const consent = end === "denied" ? { deny: true } : end === "missing" ? { without: ["files"] } : {}
          const back = new URL(user.provider.consent(there.location, consent))
          if (end === "unavailable") {
            user.provider.server.inject({
              kind: { status: 500, body: back.href },
              when: ({ path }) => path === "/token"
            })
          }
          if (end === "forged") back.searchParams.set("iss", "https://evil.example")
          const came = yield* user.visit(end === "elsewhere" ? back.href.replace("meadow/", "harbor/") : back.href)
          if (end === "replayed") yield* user.visit(back.href)
          secrets[`the token, ${end}`] = user.token
          secrets[`the state, ${end}`] = back.searchParams.get("state") ?? ""
          const code = back.searchParams.get("code")
          if (code !== null) secrets[`the code, ${end}`] = code
          for (const [name, { value }] of user.cookies) secrets[`the cookie ${name}, ${end}`] = value
          for (const { path, body, headers } of user.provider.server.requests) {
            if (path === "/token") {
              const verifier = new URLSearchParams(body).get("code_verifier")
              if (verifier !== null) secrets[`the verifier, ${end}`] = verifier
            }
            const access = headers.authorization?.replace("Bearer ", "")
            if (access !== undefined) secrets[`the access token, ${end}`] = access
          }
          seen.push([`the way back, ${end}`, `${came.location} ${came.text}`])
        }
        assert.isAbove(Object.keys(secrets).length, 30)
        const spans = keeper.texts()
        assert.isTrue(
          spans.some(([, text]) => text.includes("/callback")),
          "requests are traced"
        )
        assert.isTrue(logs.some((line) => line.includes("/callback")))
        const found = leaksIn(
          [...seen, ...spans, ...logs.map((line) => ["the log", line] as const), ...(yield* databaseDump)],
          secrets
        )
        assert.deepStrictEqual(found, [])
      })
    )
  }
)
