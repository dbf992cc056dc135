import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { noSecret, tokenSettings } from "../../src/http/TokenSettings.ts"

const secret = "0123456789abcdef0123456789abcdef"
const jwks = {
  JWT_JWKS_URL: "https://login.example.com/keys",
  JWT_ISSUER: "https://login.example.com",
  JWT_AUDIENCE: "nexus"
}

const settingsIn = (variables: Record<string, string>) =>
  tokenSettings(noSecret).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))))

const complaint = (variables: Record<string, string>) =>
  Effect.map(Effect.flip(settingsIn(variables)), (error) => error.message)

describe("tokenSettings", () => {
  it.effect("takes a secret of 32 bytes, issuer and audience optional", () =>
    Effect.gen(function* () {
      const settings = yield* settingsIn({ JWT_SECRET: secret, JWT_JWKS_URL: " ", JWT_ISSUER: "" })
      assert.strictEqual(settings._tag, "Secret")
      assert.isUndefined(settings.issuer)
      assert.notInclude(inspect(settings, { depth: 9, showHidden: true }) + JSON.stringify(settings), secret)
      assert.strictEqual(
        (yield* settingsIn({ JWT_SECRET: "é".repeat(16) }))._tag,
        "Secret",
        "bytes count, not characters"
      )
    })
  )

  it.effect("takes a key set's URL with issuer and audience", () =>
    Effect.gen(function* () {
      const settings = yield* settingsIn(jwks)
      assert.deepInclude(settings, { _tag: "Jwks", issuer: jwks.JWT_ISSUER, audience: "nexus" })
    })
  )

  it.effect("says what to set when nothing is", () =>
    Effect.gen(function* () {
      const message = yield* complaint({ JWT_SECRET: "" })
      assert.include(message, "JWT_SECRET or JWT_JWKS_URL must be set")
      assert.include(message, "openssl rand -base64 48")
    })
  )

  it.effect("refuses a short secret without showing it", () =>
    Effect.gen(function* () {
      const message = yield* complaint({ JWT_SECRET: secret.slice(1) })
      assert.include(message, "JWT_SECRET is 31 bytes long, at least 32 are needed")
      assert.notInclude(message, secret.slice(1))
    })
  )

  it.effect("refuses to mix a secret and a key set", () =>
    Effect.gen(function* () {
      assert.include(yield* complaint({ ...jwks, JWT_SECRET: secret }), "JWT_SECRET and JWT_JWKS_URL are both set")
    })
  )

  it.effect("names everything that a key set lacks at once", () =>
    Effect.gen(function* () {
      const message = yield* complaint({ JWT_JWKS_URL: "file:///etc/passwd" })
      for (const name of ["JWT_JWKS_URL is not a URL", "JWT_ISSUER must", "JWT_AUDIENCE must"])
        assert.include(message, name)
    })
  )
})
