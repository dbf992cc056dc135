import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Redacted } from "effect"
import fc from "fast-check"
import { Keyring } from "../../src/vault/Keyring.ts"
import { type Binding, Sealed, Vault } from "../../src/vault/Vault.ts"

const k1 = `k1:${randomBytes(32).toString("base64")}`
const k2 = `k2:${randomBytes(32).toString("base64")}`

const vaultWith = (...keys: ReadonlyArray<string>) =>
  Vault.pipe(
    Effect.provide(
      Vault.layer.pipe(
        Layer.provide(Keyring.layer),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NEXUS_ENCRYPTION_KEYS: keys.join(",") })))
      )
    )
  )

const binding: Binding = {
  table: "integration",
  row: "row-1",
  user: "user-1",
  provider: "HUBSPOT",
  field: "credentials"
}
const plain = Redacted.make("ya29.a-very-secret-token")

describe("Vault", () => {
  it.effect("opens what it sealed, whatever the text", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      const opened = (text: string) =>
        vault.seal(Redacted.make(text), binding).pipe(
          Effect.flatMap((sealed) => vault.open(sealed, binding)),
          Effect.map(Redacted.value)
        )
      for (const text of ["", ...fc.sample(fc.string({ unit: "binary" }), 300), "x".repeat(100_000)]) {
        assert.strictEqual(yield* opened(text), text)
      }
    })
  )

  it.effect("seals the same secret to another text every time, in a form that fits a text column", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      const [one, other] = [yield* vault.seal(plain, binding), yield* vault.seal(plain, binding)]
      assert.match(one, /^nx1\.k1\.[A-Za-z0-9_-]+$/)
      assert.notStrictEqual(one, other)
    })
  )

  it.effect("refuses a sealed text that was moved to another table, row, user, provider or field", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      const sealed = yield* vault.seal(plain, binding)
      for (const part of ["table", "row", "user", "provider", "field"] as const) {
        for (const value of ["", "another", `${binding[part]} `]) {
          const error = yield* Effect.flip(vault.open(sealed, { ...binding, [part]: value }))
          assert.strictEqual(error.reason, "altered", part)
        }
      }
    })
  )

  it.effect("tells bindings apart whose parts read the same when joined", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      const sealed = yield* vault.seal(plain, { ...binding, row: "ab", user: "c" })
      const error = yield* Effect.flip(vault.open(sealed, { ...binding, row: "a", user: "bc" }))
      assert.strictEqual(error.reason, "altered")
    })
  )

  it.effect("refuses a text with any one character changed, removed or added", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      const sealed = yield* vault.seal(plain, binding)
      for (let at = 0; at <= sealed.length; at++) {
        const [before, after] = [sealed.slice(0, at), sealed.slice(at + 1)]
        const added = `${before}A${sealed.slice(at)}`
        for (const wrong of [
          `${before}${sealed[at] === "A" ? "B" : "A"}${after}`,
          `${before}=${after}`,
          before,
          added
        ]) {
          if (wrong === sealed) continue
          assert.strictEqual((yield* Effect.flip(vault.open(Sealed.make(wrong), binding)))._tag, "SealBroken", wrong)
        }
      }
    })
  )

  it.effect("refuses every flipped bit and every shortened tag", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      const bytes = Buffer.from((yield* vault.seal(plain, binding)).slice("nx1.k1.".length), "base64url")
      const open = (bytes: Buffer) =>
        Effect.flip(vault.open(Sealed.make(`nx1.k1.${bytes.toString("base64url")}`), binding))
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        assert.strictEqual((yield* open(changed)).reason, "altered", `bit ${bit}`)
      }
      for (let length = 0; length < bytes.length; length++) {
        assert.include(["altered", "malformed"], (yield* open(bytes.subarray(0, length))).reason)
      }
    })
  )

  it.effect("keeps opening what an older key sealed, and says that it needs resealing", () =>
    Effect.gen(function* () {
      const before = yield* vaultWith(k1)
      const sealed = yield* before.seal(plain, binding)
      assert.isFalse(before.needsReseal(sealed))

      const after = yield* vaultWith(k2, k1)
      assert.strictEqual(Redacted.value(yield* after.open(sealed, binding)), Redacted.value(plain))
      assert.isTrue(after.needsReseal(sealed))
      assert.deepStrictEqual(after.keyId(sealed), Option.some("k1"))
      const resealed = yield* after.seal(plain, binding)
      assert.isFalse(after.needsReseal(resealed))
      assert.deepStrictEqual(after.keyId(resealed), Option.some("k2"))
    })
  )

  it.effect("names the key that is missing", () =>
    Effect.gen(function* () {
      const sealed = yield* (yield* vaultWith(k1)).seal(plain, binding)
      const error = yield* Effect.flip((yield* vaultWith(k2)).open(sealed, binding))
      assert.strictEqual(error.reason, "unknown-key")
      assert.strictEqual(error.keyId, "k1")
      assert.include(
        error.message,
        'integration.credentials of row-1 can\'t be opened: it was sealed with the key "k1"'
      )
    })
  )

  it.effect("refuses a text that claims another key, even one with the same bytes", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1, k1.replace("k1", "k2"))
      const sealed = yield* vault.seal(plain, binding)
      const renamed = Sealed.make(sealed.replace("nx1.k1.", "nx1.k2."))
      assert.strictEqual((yield* Effect.flip(vault.open(renamed, binding))).reason, "altered")
    })
  )

  it.effect("calls what never was a sealed text malformed", () =>
    Effect.gen(function* () {
      const vault = yield* vaultWith(k1)
      for (const text of ["", "whsec_plain", "nx1.k1.", "nx2.k1.AAAA", "nx1.k1.AAAA", `nx1.k1.${"A".repeat(200)}\n`]) {
        assert.strictEqual((yield* Effect.flip(vault.open(Sealed.make(text), binding))).reason, "malformed", text)
        assert.isTrue(Option.isNone(vault.keyId(Sealed.make(text))))
      }
    })
  )
})
