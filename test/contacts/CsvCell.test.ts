import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { neutralise, restore } from "../../src/contacts/CsvCell.ts"

/** Texts of what matters here, and of everything else. */
const text = fc.oneof(
  fc.string({
    unit: fc.constantFrom("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠", "1", "A", "(", " ", ".")
  }),
  fc.string({ unit: "grapheme" })
)

describe("A cell of a CSV file", () => {
  it("is no formula, whichever way one begins", () => {
    for (const formula of [
      "=1+1",
      "+SUM(A1)",
      "-cmd|'/c calc'!A1",
      "@SUM(A1)",
      "\t=1",
      "\r=1",
      "\n=1",
      "＝1+1",
      "＋A1",
      "－A1",
      "＠A1",
      "+",
      "-",
      "+1A",
      "-A1",
      "-1+A1",
      '=HYPERLINK("http://evil")'
    ]) {
      assert.strictEqual(neutralise(formula), `'${formula}`)
    }
  })

  it("stays readable where it is a number, a telephone number or any other text", () => {
    for (const plain of [
      "",
      "text",
      "a=b",
      "'quoted'",
      "-12.5",
      "+7",
      "-1e5",
      "-.5",
      "1,5",
      "-1,234.50",
      "+1 555-0100",
      "+1 (555) 010-0123",
      "+49 30/1234567",
      "+(44) 20 7946 0958"
    ]) {
      assert.strictEqual(neutralise(plain), plain)
    }
  })

  it("is what it was when it is read again, and never begins as a formula in between", () => {
    fc.assert(
      fc.property(text, (text) => {
        const cell = neutralise(text)
        assert.strictEqual(restore(cell), text)
        assert.notMatch(cell, /^[=@\t\r\n＝＋－＠]|^[+-].*[A-Za-z!|]{2}/s)
      }),
      { numRuns: 2000 }
    )
  })
})
