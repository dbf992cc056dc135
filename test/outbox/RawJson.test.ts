import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { memberText, nestsDeeper } from "../../src/outbox/RawJson.ts"

describe("memberText", () => {
  it("keeps the order of keys, the spelling of numbers and the white space", () => {
    const payload = '{"b": 1.0, "10": 12345678901234567890, "a": 1e2,  "1": "\\u0000\\ud800" }'
    assert.strictEqual(memberText(`{"eventType":"X" ,\n "payload" : ${payload} }`, "payload"), payload)
  })

  it("is not misled by what stands in strings, deeper, or under an escaped key", () => {
    assert.strictEqual(
      memberText('{"a":"\\",\\"payload\\":1","b":{"payload":2},"payload":[3,{"x":"]"}]}', "payload"),
      '[3,{"x":"]"}]'
    )
    assert.strictEqual(memberText('{"\\u0070ayload":true}', "payload"), "true")
    assert.strictEqual(memberText('{"a":"payload","b":"payload"}', "payload"), undefined)
  })

  it("takes the last of several, as JSON.parse does", () => {
    assert.strictEqual(memberText('{"payload":{"a":1},"payload":{"b":2}}', "payload"), '{"b":2}')
  })

  it("reads long strings and deep nests", () => {
    const long = `"${'\\"'.repeat(500_000)}"`
    assert.strictEqual(memberText(`{"payload":${long}}`, "payload"), long)
    const deep = `${"[".repeat(500_000)}${"]".repeat(500_000)}`
    assert.strictEqual(memberText(`{"a":1,"payload":${deep}}`, "payload"), deep)
  })

  it("finds what JSON.parse finds, in any object", () => {
    const objects = fc.dictionary(fc.string({ unit: "binary", maxLength: 5 }), fc.jsonValue(), {
      noNullPrototype: true
    })
    fc.assert(
      fc.property(objects, fc.integer({ min: 0, max: 2 }), (object, indent) => {
        const text = JSON.stringify(object, null, indent)
        for (const [name, value] of Object.entries(object)) {
          assert.deepStrictEqual(JSON.parse(memberText(text, name) ?? ""), JSON.parse(JSON.stringify(value)))
        }
        assert.strictEqual(memberText(text, "not in there"), undefined)
      })
    )
  })
})

describe("nestsDeeper", () => {
  it("counts levels, not brackets, and none in strings", () => {
    assert.isFalse(nestsDeeper('{"a":[1,[2]],"b":{"c":[]}}', 3))
    assert.isTrue(nestsDeeper('{"a":[1,[2]],"b":{"c":[]}}', 2))
    assert.isFalse(nestsDeeper('["[[[[[[", "\\"[[[["]', 1))
    assert.isTrue(nestsDeeper("[".repeat(500_000), 500))
  })
})
