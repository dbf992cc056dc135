import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import fc from "fast-check"
import { ContactPatch, Email, NewContact } from "../../src/domain/Contact.ts"

const decode = Schema.decodeUnknownOption(NewContact)
const fits = (fields: object) => Option.isSome(decode({ email: "a@example.com", ...fields }))
const isEmail = (email: unknown) => Option.isSome(Schema.decodeUnknownOption(Email)(email))

/** Characters that Postgres stores. */
const character = fc
  .string({ unit: "binary", minLength: 1, maxLength: 1 })
  .filter((c) => c !== "\0" && c.isWellFormed())

describe("An email address", () => {
  it("has a name, an @ and a domain with a dot", () => {
    for (const email of ["a@b.co", "john.doe+tag@mail.example.com", " padded@x.co\n", "o'neil@x-y.co", "1@1.1"]) {
      assert.isTrue(isEmail(email), email)
    }
    const long = `${"a".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.co`
    assert.isTrue(isEmail(long))
    for (const email of [
      "",
      "a",
      "a@",
      "@b.co",
      "a@b",
      "a@b..co",
      "a@-b.co",
      "a b@x.co",
      "a@b.co, c@d.co",
      "a@b@c.co",
      "é@x.co",
      `${"a".repeat(65)}@x.co`,
      long.replace("@", `@${"e".repeat(20)}.`)
    ]) {
      assert.isFalse(isEmail(email), email)
    }
  })

  it("is judged at once, however long", () => {
    fc.assert(
      fc.property(fc.constantFrom("a", ".", "-", "a-", "a."), fc.constantFrom("@", "", "@a"), (unit, middle) => {
        assert.isFalse(isEmail(`x${middle}${unit.repeat(50_000)}!@`))
      })
    )
  })
})

describe("A new contact", () => {
  it("has texts of as many characters as are allowed, of any script", () => {
    fc.assert(
      fc.property(character, (c) => {
        for (const [field, most] of [
          ["firstName", 255],
          ["lastName", 255],
          ["company", 255],
          ["jobTitle", 255],
          ["cardId", 255],
          ["phone", 64]
        ] as const) {
          assert.isTrue(fits({ [field]: c.repeat(most) }), field)
          assert.isFalse(fits({ [field]: c.repeat(most + 1) }), field)
          assert.isTrue(fits({ [field]: null }))
        }
      })
    )
  })

  it("has nothing that Postgres can't store", () => {
    for (const bad of ["\0", "a\ud800", "\udc00b"]) {
      for (const fields of [{ firstName: bad }, { tags: [bad] }, { customFields: { a: bad } }]) {
        assert.isFalse(fits(fields))
      }
    }
  })

  it("has up to 100 tags of 1 to 100 characters", () => {
    const tags = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`)
    assert.isTrue(fits({ tags: tags(100) }))
    assert.isFalse(fits({ tags: tags(101) }))
    assert.isTrue(fits({ tags: ["x".repeat(100), "a b", "é", "a\nb"] }))
    for (const tag of ["", " ", " a", "a ", "x".repeat(101), 1, null]) assert.isFalse(fits({ tags: [tag] }), `${tag}`)
  })

  it("has up to 100 custom fields, of plain values", () => {
    const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, 1]))
    assert.isTrue(fits({ customFields: fields(100) }))
    assert.isFalse(fits({ customFields: fields(101) }))
    assert.isTrue(fits({ customFields: { a: "", B_1: 1.5, c: false, d: null, e: "x".repeat(4096) } }))
    for (const value of [{}, [], Number.NaN, Number.POSITIVE_INFINITY, "x".repeat(4097), undefined]) {
      assert.isFalse(fits({ customFields: { a: value } }), `${value}`)
    }
    for (const name of ["", "1a", "_a", "a-b", "a b", "é", "a".repeat(65), "__proto__"]) {
      assert.isFalse(fits({ customFields: Object.fromEntries([[name, 1]]) }), name)
    }
  })

  it("needs an address, which a patch does not", () => {
    assert.isTrue(Option.isNone(decode({ firstName: "A" })))
    assert.isTrue(Option.isSome(Schema.decodeOption(ContactPatch)({ firstName: "A" })))
  })
})
