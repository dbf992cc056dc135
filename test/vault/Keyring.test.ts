import { randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Option, Redacted } from "effect"
import { generateKey, Keyring, parseKeys } from "../../src/vault/Keyring.ts"

const key = () => randomBytes(32).toString("base64")
const environment = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(variables))

const keyringOf = (variables: Record<string, string>) =>
  Keyring.pipe(Effect.provide(Keyring.layer.pipe(Layer.provide(environment(variables)))))

const complaint = (text: string) =>
  parseKeys("NEXUS_ENCRYPTION_KEYS", Redacted.make(text)).pipe(
    Effect.flip,
    Effect.map((error) => error.message)
  )

describe("Keyring", () => {
  it.effect("seals with the first key and finds every key by its name", () =>
    Effect.gen(function* () {
      const keyring = yield* keyringOf({ NEXUS_ENCRYPTION_KEYS: `k2:${key()}, k1:${key()}\n` })
      assert.strictEqual(keyring.sealing.id, "k2")
      assert.deepStrictEqual(
        Option.map(keyring.get("k1"), ({ id }) => id),
        Option.some("k1")
      )
      assert.isTrue(Option.isNone(keyring.get("k3")))
      assert.deepStrictEqual(keyring.ids, ["k2", "k1"])
    })
  )

  it.effect("prints the command that makes a key when there is none", () =>
    Effect.gen(function* () {
      for (const variables of [{}, { NEXUS_ENCRYPTION_KEYS: "" }, { NEXUS_ENCRYPTION_KEYS: " \n" }]) {
        const error = yield* Effect.flip(keyringOf(variables))
        assert.strictEqual(error._tag, "ConfigurationInvalid")
        assert.include(error.message, "NEXUS_ENCRYPTION_KEYS is not set")
        assert.include(error.message, "npx nexus keys generate")
      }
    })
  )

  it.effect("names every problem at once, and no key", () =>
    Effect.gen(function* () {
      const short = randomBytes(16).toString("base64")
      const [good, nameless] = [key(), key()]
      const zeros = Buffer.alloc(32).toString("base64")
      const message = yield* complaint(`k1:${good},k1:${good},k3:${short},${nameless},k5:!${good},k6:${zeros},`)
      assert.include(message, 'two keys named "k1"')
      assert.include(message, 'entry 3 ("k3") is 16 bytes long, a key has 32')
      assert.include(message, "entry 4 is not of the form name:base64")
      assert.include(message, 'entry 5 ("k5") is not base64')
      assert.include(message, 'entry 6 ("k6") repeats one byte')
      assert.include(message, "entry 7 is empty")
      assert.include(message, "npx nexus keys generate")
      for (const secret of [short, good, nameless]) assert.notInclude(message, secret)
    })
  )

  it.effect("generates a key that the variable takes as it is, named after those in use", () =>
    Effect.gen(function* () {
      const text = Redacted.value(yield* generateKey())
      assert.match(text, /^k1:[A-Za-z0-9+/]{43}=$/)
      assert.strictEqual((yield* keyringOf({ NEXUS_ENCRYPTION_KEYS: text })).sealing.id, "k1")
      assert.match(Redacted.value(yield* generateKey(["k2", "k10", "old"])), /^k11:/)
      assert.notStrictEqual(Redacted.value(yield* generateKey()), text)
    })
  )

  it.effect("makes a key of its own for tests", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* Keyring, yield* Effect.provide(Keyring, Layer.fresh(Keyring.layerMemory))]
      assert.strictEqual(one.sealing.id, "k1")
      assert.isFalse(one.sealing.key.equals(other.sealing.key))
    }).pipe(Effect.provide(Keyring.layerMemory))
  )

  it.effect("shows no key when it is printed", () =>
    Effect.gen(function* () {
      const bytes = randomBytes(32)
      const keyring = yield* keyringOf({ NEXUS_ENCRYPTION_KEYS: `k1:${bytes.toString("base64")}` })
      const printed = inspect(keyring, { depth: 9, showHidden: true }) + JSON.stringify(keyring)
      assert.notInclude(printed, bytes.toString("base64").slice(0, 20))
      assert.notInclude(printed, inspect(bytes).slice(8, 40))
    })
  )

  describe("layerFile", () => {
    const keyringIn = (path: string, variables: Record<string, string> = {}) =>
      Keyring.pipe(Effect.provide(Keyring.layerFile(path).pipe(Layer.provide(environment(variables)))))

    it.effect("makes a key on first use and keeps it", () =>
      Effect.gen(function* () {
        const path = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/.nexus/encryption-keys`
        const first = yield* keyringIn(path)
        const second = yield* keyringIn(path)
        assert.isTrue(first.sealing.key.equals(second.sealing.key))
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("prefers the variable, and then makes no file", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/encryption-keys`
        const keyring = yield* keyringIn(path, { NEXUS_ENCRYPTION_KEYS: `mine:${key()}` })
        assert.strictEqual(keyring.sealing.id, "mine")
        assert.isFalse(yield* fs.exists(path))
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("names the file when it holds no key", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/encryption-keys`
        yield* fs.writeFileString(path, "k1:c2hvcnQ=")
        const error = yield* Effect.flip(keyringIn(path))
        assert.include(error.message, `${path} ("k1") is 5 bytes long`)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  })
})
