import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { BuiltInPlugins } from "../../plugins/index.ts"
import { ZohoEmulator } from "../../plugins/zoho/Emulator.ts"
import { TokenEndpoint } from "../../src/oauth/TokenEndpoint.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { Emulators, integratingLayer, withEmulators } from "../support/Integrating.ts"

const TestLayer = withEmulators({ ZOHO: ZohoEmulator }, (variables) =>
  integratingLayer(BuiltInPlugins).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))))
)

const client = { id: "zoho-client", secret: Redacted.make("zoho-secret"), redirectUri: "https://nexus.example.com/" }

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("TokenEndpoint", (it) => {
  it.effect("sends no code and no secret to a server that only the callback knows", () =>
    Effect.gen(function* () {
      const { exchange } = yield* TokenEndpoint
      const { server } = (yield* Emulators).of("ZOHO")
      const zoho = yield* (yield* PluginRegistry).get("ZOHO")
      const { oauth } = zoho
      assert.isDefined(oauth)
      const attempt = (accountsServer: string) =>
        exchange({ ...zoho, oauth }, client, {
          parameters: new URLSearchParams({ code: "1", state: "s", "accounts-server": accountsServer }),
          state: Redacted.make("s"),
          verifier: undefined
        })
      for (const accountsServer of [
        "https://evil.example",
        "https://accounts.zoho.com.evil.example",
        "https://accounts.zoho.com@evil.example",
        "https://evil.example/?https://accounts.zoho.com",
        "https://accounts.zoho.com:8443",
        "http://accounts.zoho.com",
        "http://127.0.0.1:1",
        "javascript:alert(1)",
        "\0",
        "\ud800",
        "",
        "x".repeat(5000)
      ]) {
        const refused = yield* Effect.flip(attempt(accountsServer))
        assert.deepInclude(refused, { _tag: "CallbackRefused", reason: "issuer" }, accountsServer.slice(0, 60))
      }
      assert.lengthOf(server.requests, 0)
      yield* Effect.flip(attempt("https://accounts.zoho.eu"))
      assert.lengthOf(server.requests, 1)
    })
  )
})
