import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { plugin } from "nexus-integrations/plugin"
import { OAuthClients } from "../../src/oauth/OAuthClients.ts"
import { checkRedirectUris, redirectUriWarnings } from "../../src/oauth/RedirectUris.ts"
import { configuredReturnUrls } from "../../src/oauth/ReturnUrls.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { meadow } from "../plugin/fixtures/Meadow.ts"

const environment = (variables: Readonly<Record<string, string>>) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown(variables))
const Clients = OAuthClients.layer.pipe(Layer.provideMerge(plugin(meadow)), Layer.provideMerge(PluginRegistry.layer))

const warningsWith = (variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    return yield* redirectUriWarnings(yield* (yield* PluginRegistry).all, yield* OAuthClients)
  }).pipe(Effect.provide(Layer.fresh(Clients).pipe(Layer.provideMerge(environment(variables)))))

const path = "/integrations/oauth/meadow/callback"

describe("Redirect URIs", () => {
  it.effect("that lead to the callback need no warning", () =>
    Effect.gen(function* () {
      for (const variables of [
        {},
        { MEADOW_REDIRECT_URI: "" },
        { PORT: "4000", MEADOW_REDIRECT_URI: `http://localhost:4000${path}` },
        { PUBLIC_URL: "https://a.example/nexus/", MEADOW_REDIRECT_URI: `https://a.example/nexus${path}` }
      ]) {
        assert.deepStrictEqual(yield* warningsWith(variables), [])
      }
    })
  )

  it.effect("that don't are warned about", () =>
    Effect.gen(function* () {
      for (const redirectUri of [
        `http://127.0.0.1:3001${path}`,
        `https://localhost:3001${path}`,
        `http://localhost:3002${path}`
      ]) {
        const [warning, ...more] = yield* warningsWith({ MEADOW_REDIRECT_URI: redirectUri })
        assert.deepStrictEqual(more, [])
        assert.isTrue(
          warning?.startsWith(`MEADOW_REDIRECT_URI is ${redirectUri}, which is at another origin than PUBLIC_URL`),
          warning
        )
        assert.include(warning, `It should be http://localhost:3001${path}`)
      }
      for (const wrong of ["/integrations/oauth/google/callback", `${path}/`, `${path}?x`, "/"]) {
        const [warning] = yield* warningsWith({ MEADOW_REDIRECT_URI: `http://localhost:3001${wrong}` })
        assert.include(warning, "which is not the address of the callback")
      }
    })
  )

  it.effect("are of no use to a client that is set up by half, which is warned about", () =>
    Effect.gen(function* () {
      const [id, secret] = ["MEADOW_CLIENT_ID", "MEADOW_CLIENT_SECRET"]
      for (const [set, missing] of [
        [id, secret],
        [secret, id]
      ] as const) {
        const warnings = yield* warningsWith({ [set]: "something" })
        const expected = `${set} is set and ${missing} is not, so nobody can connect Meadow in the browser. Set both`
        assert.deepStrictEqual(warnings, [expected])
      }
      assert.deepStrictEqual(yield* warningsWith({ [id]: "something", [secret]: "something" }), [])
    })
  )

  it.effect("that are none stop the start", () =>
    Effect.gen(function* () {
      const check = (MEADOW_REDIRECT_URI: string) =>
        Effect.flatMap(PluginRegistry, ({ all }) => Effect.flatMap(all, checkRedirectUris)).pipe(
          Effect.provide(
            Layer.fresh(plugin(meadow).pipe(Layer.provideMerge(Layer.fresh(PluginRegistry.layer)))).pipe(
              Layer.provideMerge(environment({ MEADOW_REDIRECT_URI }))
            )
          )
        )
      yield* check(`https://a.example${path}`)
      for (const wrong of ["a.example/callback", path, "javascript:alert(1)"]) {
        const { message } = yield* Effect.flip(check(wrong))
        assert.match(message, /^MEADOW_REDIRECT_URI must be an address such as https:.*\/meadow\/callback$/)
      }
    })
  )
})

describe("RETURN_URLS", () => {
  it.effect("takes addresses as they are and names every one that is none", () =>
    Effect.gen(function* () {
      const read = (text: string) => Effect.provide(configuredReturnUrls, environment({ RETURN_URLS: text }))
      assert.deepStrictEqual(yield* read(""), [])
      assert.deepStrictEqual(yield* read("https://a.example/x?y=1, http://localhost:5173/"), [
        "https://a.example/x?y=1",
        "http://localhost:5173/"
      ])
      const error = yield* Effect.flip(
        read("/x, javascript:alert(1), https://ok.example, https://u:p@a.example, https:///x, *")
      )
      assert.strictEqual(error._tag, "ConfigurationInvalid")
      assert.strictEqual(error.message.split("\n").length, 5, error.message)
    })
  )
})
