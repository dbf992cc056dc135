import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { compileSchema } from "../../src/outbox/JsonSchema.ts"

const schema = {
  type: "object",
  required: ["cardId"],
  properties: { cardId: { type: "string" }, tags: { type: "array", items: { type: "string" } } },
  additionalProperties: false
}

describe("compileSchema", () => {
  it("names every place that does not fit", () => {
    const check = Result.getOrThrow(compileSchema(schema))
    assert.deepStrictEqual(check({ cardId: "c", tags: ["a"] }, "payload"), [])
    assert.deepStrictEqual(check({ tags: ["a", 1], "x/y": 1 }, "payload"), [
      { path: "payload.cardId", message: "This field is required" },
      { path: "payload.x/y", message: "This is not a field that can be set here" },
      { path: "payload.tags.1", message: "Must be string" }
    ])
  })

  it("names twenty places at most", () => {
    const check = Result.getOrThrow(compileSchema(schema))
    assert.strictEqual(check({ cardId: "c", tags: Array.from({ length: 100 }, () => 1) }, "payload").length, 20)
  })

  it("says what is wrong with a schema that can't be used, and fetches nothing", () => {
    const wrong = (schema: Record<string, unknown>) => Result.getOrThrow(Result.flip(compileSchema(schema)))
    assert.match(wrong({ type: "objekt" }), /type/)
    assert.match(wrong({ properties: { a: { pattern: "(" } } }), /regular expression/i)
    assert.match(wrong({ $ref: "https://example.com/schema.json" }), /https:\/\/example.com\/schema.json/)
  })
})
