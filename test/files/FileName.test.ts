import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { fileName } from "../../src/files/FileName.ts"

describe("A file's name", () => {
  for (const [wanted, name] of [
    ["contacts-export-20251120T103000Z.csv", "contacts-export-20251120T103000Z.csv"],
    ["Verträge 2026 (Ada & Söhne).pdf", "Verträge 2026 (Ada & Söhne).pdf"],
    ["連絡先.csv", "連絡先.csv"],
    ["../../etc/passwd", "-..-etc-passwd"],
    ["C:\\Windows\\system.ini", "C--Windows-system.ini"],
    ["..", "file"],
    ["", "file"],
    ["   ", "file"],
    [".htaccess", "htaccess"],
    ["a.csv. . ", "a.csv"],
    ["a\u0000b\r\nc.csv", "abc.csv"],
    // A right-to-left override makes fdp.exe of exe.pdf.
    ["invoice\u202efdp.exe", "invoicefdp.exe"],
    ["zero\u200bwidth\ufeff.csv", "zerowidth.csv"],
    ["half \ud800 pair.csv", "half  pair.csv"],
    ["CON", "_CON"],
    ["lpt1.txt", "_lpt1.txt"],
    ['what?*"<>|.csv', "what------.csv"]
  ] as const) {
    it(`is ${JSON.stringify(name)} for ${JSON.stringify(wanted)}`, () => {
      assert.strictEqual(fileName(wanted), name)
    })
  }

  it("keeps its ending when it is too long", () => {
    const name = fileName(`${"long ".repeat(100)}.csv`)
    assert.match(name, /\.csv$/)
    assert.isAtMost(Array.from(name).length, 120)
  })

  it("is one, whatever is wanted, and stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (wanted) => {
        const name = fileName(wanted)
        assert.match(name, /^[^\p{Cc}\p{Cf}\p{Cs}\\/:*?"<>|]{1,121}$/u)
        assert.notMatch(name, /^[.\s]|[.\s]$/)
        assert.strictEqual(fileName(name), name)
      }),
      { numRuns: 1000 }
    )
  })
})
