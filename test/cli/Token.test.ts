import { randomBytes } from "node:crypto"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted } from "effect"
import { Tokens } from "../../src/http/Tokens.ts"
import { runNexus } from "../support/NexusProcess.ts"

const noRequest = () => Promise.reject(new Error("No request is expected"))

/** Whom the API takes a printed token for. */
const bearer = (out: string, tokens: typeof Tokens.Service) =>
  Effect.map(tokens.verify(Redacted.make(out.trim())), ({ principal }) => principal)

layer(NodeServices.layer, { excludeTestServices: true, timeout: "60 seconds" })("nexus token", (it) => {
  it.effect("prints nothing but a token, which the API takes", () =>
    Effect.gen(function* () {
      const environment = { DATABASE_URL: "postgres://not.asked/", JWT_SECRET: randomBytes(32).toString("base64") }
      const args = ["token", "--user", "user-123", "--scope", "admin", "--scope", "service"]
      const { code, out, err } = yield* runNexus(args, environment)
      assert.deepStrictEqual([code, err], [0, ""])
      assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
      const provider = ConfigProvider.layer(ConfigProvider.fromUnknown(environment))
      const principal = yield* Effect.gen(function* () {
        return yield* bearer(out, yield* Tokens)
      }).pipe(Effect.provide(Tokens.layer(noRequest).pipe(Layer.provide(provider))))
      assert.deepInclude(principal, { userId: "user-123" })
      assert.sameMembers([...principal.scopes], ["admin", "service"])
    })
  )

  it.effect("signs in development with a secret that it keeps in NEXUS_HOME, and starts no database for it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-test-home-" })
      const { out } = yield* runNexus(["token", "--user", "user-1"], { NEXUS_HOME: home })
      assert.deepStrictEqual(yield* fs.readDirectory(home), ["jwt-secret"])
      const principal = yield* Effect.gen(function* () {
        return yield* bearer(out, yield* Tokens)
      }).pipe(Effect.provide(Tokens.layerFile(`${home}/jwt-secret`, noRequest)))
      assert.strictEqual(principal.userId, "user-1")
    })
  )

  it.effect("says what is wrong with what it is given", () =>
    Effect.gen(function* () {
      const production = { DATABASE_URL: "postgres://not.asked/" }
      const unset = yield* runNexus(["token", "--user", "u"], production)
      assert.strictEqual(unset.code, 1)
      assert.match(unset.err, /^JWT_SECRET or JWT_JWKS_URL must be set, else no token can be checked\. Make a secret/)
      const long = yield* runNexus(["token", "--user", "u", "--days", "999"], production)
      assert.strictEqual(long.code, 1)
      assert.match(long.out + long.err, /days/)
      const garbage = yield* runNexus(["token", "--usr", "u"], production)
      assert.strictEqual(garbage.code, 1)
      assert.match(garbage.out + garbage.err, /--usr/)
    })
  )
})
