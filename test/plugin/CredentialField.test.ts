import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { secret, text } from "nexus-integrations/plugin"
import { isSecret } from "../../src/plugin/CredentialField.ts"

const field = { title: "Key", description: "Settings, Keys.", example: "k-1" }
const form = { pattern: /^k-\d+$/, message: "Expected a key such as k-1" }

describe("fields of credentials", () => {
  it.effect("take a line of text, and nothing that could end a header", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(text(field))
      for (const good of ["a", "a b", "ünïcode", "🔑", "x".repeat(4096)]) assert.strictEqual(yield* decode(good), good)
      const bad = ["", " ", " a", "a ", "a\r\nb", "a\nb", "a\u0000b", "a\u0085b", "\ud800", "x".repeat(4097), 42, null]
      for (const value of bad) assert.isTrue(Schema.isSchemaError(yield* Effect.flip(decode(value))), String(value))
    })
  )

  it.effect("hold a text against its own form, and say what was expected", () =>
    Effect.gen(function* () {
      for (const schema of [text(field, form), secret(field, form)]) {
        const { message } = yield* Effect.flip(Schema.decodeUnknownEffect(schema)("canary-value"))
        assert.include(message, "Expected a key such as k-1")
      }
    })
  )

  it.effect("keep a secret redacted, and give it back for the vault", () =>
    Effect.gen(function* () {
      const key = yield* Schema.decodeUnknownEffect(secret(field, form))("k-42")
      assert.strictEqual(Redacted.value(key), "k-42")
      assert.notInclude(`${key} ${JSON.stringify(key)}`, "k-42")
      assert.strictEqual(yield* Schema.encodeEffect(secret(field))(key), "k-42")
      assert.deepStrictEqual([isSecret(secret(field)), isSecret(text(field))], [true, false])
      assert.isTrue(isSecret(Schema.optionalKey(secret(field))))
    })
  )
})
