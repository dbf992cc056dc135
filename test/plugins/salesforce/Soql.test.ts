import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { emulatedOrg } from "../../../plugins/salesforce/EmulatedOrg.ts"
import { answerQuery } from "../../../plugins/salesforce/EmulatedQuery.ts"
import { isOneOf, queryable, quote } from "../../../plugins/salesforce/Soql.ts"

const hostile = fc.string({
  unit: fc.constantFrom("'", "\\", "\n", "\r", "\t", "\b", "\f", '"', "a", ")", ",", " ", "é")
})

describe("Salesforce's queries", () => {
  it("take any text as a value, and find just the records that have it", () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), hostile, (wanted, other) => {
        const org = emulatedOrg()
        for (const Name of [...wanted, other]) org.insert("Account", { Name })
        const { status, body } = answerQuery(
          org,
          "v66.0",
          `SELECT Id, Name FROM Account WHERE ${isOneOf("Name", wanted)}`,
          0
        )
        assert.strictEqual(status, 200)
        const expected = [...wanted, other].filter((name) => wanted.includes(name)).length
        assert.deepInclude(body, { totalSize: expected })
      })
    )
  })

  it("end a text only where it ends", () => {
    fc.assert(
      fc.property(hostile, (value) => {
        const inside = quote(value).slice(1, -1)
        assert.notMatch(inside.replace(/\\./gs, ""), /['\\\n\r]/)
      })
    )
  })

  it("leave out nobody, and stay below what a URL takes", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 80 }), { maxLength: 220 }), (emails) => {
        const parts = queryable(emails, (email) => [email])
        assert.deepStrictEqual(parts.flat(), emails)
        for (const part of parts) {
          assert.isAtMost(part.length, 100)
          assert.isAbove(part.length, 0)
          const { search } = new URL(`https://a.b/?${new URLSearchParams({ q: isOneOf("Email", part) })}`)
          assert.isBelow(search.length, 14_000)
        }
      }),
      { numRuns: 20 }
    )
  })
})
