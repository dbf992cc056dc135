import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { corsOrigins } from "../../src/http/Cors.ts"
import { TestApi } from "../support/TestApi.ts"

const app = "https://app.example.com"
const preflight = (origin: string) => ({
  token: "",
  headers: { origin, "access-control-request-method": "PATCH", "access-control-request-headers": "authorization" }
})

layer(TestApi.layer({ CORS_ORIGINS: `${app}, http://localhost:5173` }), { excludeTestServices: true })("CORS", (it) => {
  it.effect("lets the configured origins call, with credentials", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const { status, headers } = yield* ask("OPTIONS", "/integrations/webhooks/x", preflight(app))
      assert.strictEqual(status, 204)
      assert.strictEqual(headers.get("access-control-allow-origin"), app)
      assert.strictEqual(headers.get("access-control-allow-credentials"), "true")
      assert.include(headers.get("access-control-allow-methods"), "PATCH")
      assert.include(headers.get("access-control-allow-headers"), "Idempotency-Key")

      const answer = yield* ask("GET", "/integrations/event-types", { headers: { origin: "http://localhost:5173" } })
      assert.strictEqual(answer.headers.get("access-control-allow-origin"), "http://localhost:5173")
      assert.include(answer.headers.get("access-control-expose-headers"), "Link")
      assert.include(answer.headers.get("vary"), "Origin")
    })
  )

  it.effect("lets them read errors too", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const path of ["/integrations/webhooks", "/nothing"]) {
        const { headers } = yield* ask("GET", path, { token: "", headers: { origin: app } })
        assert.strictEqual(headers.get("access-control-allow-origin"), app)
      }
    })
  )

  it.effect("lets no other origin call", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const origin of ["https://evil.example", `${app}.evil.example`, "https://app.example.com:444", "null"]) {
        const { headers } = yield* ask("OPTIONS", "/integrations/webhooks", preflight(origin))
        assert.isNull(headers.get("access-control-allow-origin"))
      }
    })
  )
})

layer(TestApi.layer(), { excludeTestServices: true })("CORS by default", (it) => {
  it.effect("lets nobody call", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const { status, headers } = yield* ask("OPTIONS", "/integrations/webhooks", preflight(app))
      assert.strictEqual(status, 405)
      assert.isNull(headers.get("access-control-allow-origin"))
    })
  )
})

describe("CORS_ORIGINS", () => {
  it.effect("takes exact origins and names every one that is none", () =>
    Effect.gen(function* () {
      const read = (text: string) =>
        Effect.provide(corsOrigins, ConfigProvider.layer(ConfigProvider.fromUnknown({ CORS_ORIGINS: text })))
      assert.deepStrictEqual(yield* read(`${app},`), [app])
      const error = yield* Effect.flip(read("*, https://a.example/, app.example.com, https://ok.example"))
      assert.strictEqual(error._tag, "ConfigurationInvalid")
      assert.strictEqual(error.message.split("\n").length, 3)
    })
  )
})
