import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer } from "effect"
import { checkConfiguration } from "../../src/cli/Configuration.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus } from "../support/NexusProcess.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** Wrong values, with what is said about each. The secrets among them must not be repeated. */
const wrong = {
  NEXUS_ENCRYPTION_KEYS: ["k1:c2hvcnQtc2VjcmV0", '("k1") is 12 bytes long, a key has 32. Make a key with:'],
  JWT_SECRET: ["short-secret", "is 12 bytes long, at least 32 are needed. Make a secret with: openssl"],
  NEXUS_EGRESS_ALLOW: ["10.0.0.0/8,garbage", 'has "garbage", which is not a network such as 10.1.0.0/16'],
  PORT: ["http", "must be a whole number from 1 to 65535, or 0 for any port that is free"],
  CORS_ORIGINS: ["*", 'has "*", which is not an origin such as https://app.example.com'],
  RETURN_URLS: [
    "https://app.example.com/back, app.example.com/back",
    'has "app.example.com/back", which is not an address such as https://app.example.com/integrations'
  ],
  NEXUS_RETENTION: ["0", "must be a whole number of days from 1 to 3650"],
  NEXUS_MIGRATE: ["perhaps", "must be true or false"],
  PUBLIC_URL: ["nexus.example.com", "must be an address such as https://nexus.example.com"],
  NEXUS_LOG: ["xml", "must be json or pretty"],
  NEXUS_REQUESTS: ["0", "must be a whole number, 1 or more"],
  NEXUS_REQUESTS_PER_MINUTE: ["many", "must be a whole number, 1 or more"],
  NEXUS_UNAUTHENTICATED_REQUESTS_PER_MINUTE: ["-1", "must be a whole number, 1 or more"],
  DATABASE_POOL_SIZE: ["1.5", "must be a whole number, 1 or more"],
  NEXUS_SYNCS_PER_MINUTE: ["0", "must be a whole number, 1 or more"],
  NEXUS_HOST_ZOHO_API: ["http://127.0.0.1:4010/crm", "must be an origin such as http://127.0.0.1:4010, without a path"],
  NEXUS_HOST_ZOHO_APY: [
    "http://127.0.0.1:4010",
    "names no host of a provider. There are: NEXUS_HOST_ACTIVECAMPAIGN_API, NEXUS_HOST_DROPBOX_WWW, "
  ]
} as const
const entries = Object.entries(wrong)

/** The environment that `.env.example` describes, read as it stands. */
const example = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return ConfigProvider.fromDotEnvContents(yield* fs.readFileString(".env.example"))
})

const problemsWith = (variables: Readonly<Record<string, string>>) =>
  Effect.flip(checkConfiguration(PluginRegistry.layer)).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: variables })),
    Effect.map(({ message }) => message.split("\n").map((line) => line.split(" ")[0]))
  )

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus serve", (it) => {
  it.effect("names every variable that is wrong in one go, and what to do, and shows no secret", () =>
    Effect.gen(function* () {
      const values = Object.fromEntries(entries.map(([name, [value]]) => [name, value]))
      const { code, out, err } = yield* runNexus(["serve"], { ...(yield* production), ...values })
      const lines = err.trim().split("\n")
      for (const [name, [, said]] of entries) {
        assert.isTrue(
          lines.some((line) => line.startsWith(`${name} `) && line.includes(said)),
          `${name} in:\n${err}`
        )
      }
      assert.strictEqual(lines.length, entries.length, err)
      assert.notInclude(err + out, "short-secret")
      assert.notInclude(err + out, "c2hvcnQtc2VjcmV0")
      assert.deepStrictEqual([code, out], [1, ""])
    })
  )

  it.effect("names a plugin that can't be used beside all else that is wrong", () =>
    Effect.gen(function* () {
      const plugins = { NEXUS_PLUGINS: "no-such-plugin-anywhere", PORT: "http" }
      const { code, err } = yield* runNexus(["serve"], { ...(yield* production), ...plugins })
      assert.strictEqual(code, 1)
      assert.match(
        err,
        /^NEXUS_PLUGINS is wrong. The plugin no-such-plugin-anywhere can't be used: it can't be loaded: /m
      )
      assert.match(err, /^PORT must be /m)
    })
  )

  it.effect("needs keys and a secret for tokens in production, and neither in development", () =>
    Effect.gen(function* () {
      const url = "postgres://user@127.0.0.1:1/none"
      assert.deepStrictEqual(yield* problemsWith({ DATABASE_URL: url }), ["NEXUS_ENCRYPTION_KEYS", "JWT_SECRET"])
      assert.deepStrictEqual(yield* problemsWith({ DATABASE_URL: "nonsense:pa#ss@host" }), [
        "DATABASE_URL",
        "NEXUS_ENCRYPTION_KEYS",
        "JWT_SECRET"
      ])
      assert.deepStrictEqual(yield* problemsWith({ PORT: "x" }), ["PORT"])
    })
  )

  it.effect("takes .env.example as it stands", () =>
    Effect.gen(function* () {
      yield* checkConfiguration(PluginRegistry.layer).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, yield* example)
      )
    })
  )

  it.effect("says one sentence when the database can't be reached", () =>
    Effect.gen(function* () {
      const environment = yield* production
      const unreachable = { ...environment, DATABASE_URL: "postgres://user:hidden@127.0.0.1:1/none" }
      const away = yield* runNexus(["serve"], unreachable)
      assert.strictEqual(
        away.err,
        "The database none at user@127.0.0.1:1 can't be reached: nothing listens there. Is Postgres running, and are host and port right?\n"
      )
      assert.strictEqual(away.code, 1)
    })
  )
})
