import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { fileName } from "../../../plugins/google-drive/FileName.ts"

describe("The name of a file in Google Drive", () => {
  for (const [what, given, expected] of [
    ["that is ordinary stays", "contacts-export-1700000000.csv", "contacts-export-1700000000.csv"],
    ["of any language stays", "Kundenübersicht 名簿 🙂.csv", "Kundenübersicht 名簿 🙂.csv"],
    ["is composed, so that it is found by typing", "u\u0308.csv", "ü.csv"],
    ["is no path", "../../etc/passwd", "_.._etc_passwd"],
    ["is no path of Windows", "C:\\temp\\a.csv", "C:_temp_a.csv"],
    ["has no control characters", "a\r\nb\u0000c\u007f.csv", "a__b_c_.csv"],
    ["has no lines of its own", "a\u2028b\u2029.csv", "a_b_.csv"],
    ["does not turn around", "a\u202evsc.exe", "a_vsc.exe"],
    ["hides nothing", "a\u200b\ufeff.csv", "a__.csv"],
    ["has no halves of characters", "a\ud800.csv", "a_.csv"],
    ["has no dots and spaces around it", " ..a.csv. . ", "a.csv"],
    ["has none before its extension", "a. .csv", "a.csv"],
    ["is not empty", "", "file"],
    ["is not only dots", " ... ", "file"],
    ["is cut, and keeps its extension", `${"a".repeat(300)}.csv`, `${"a".repeat(251)}.csv`],
    ["is cut between characters", `${"🙂".repeat(80)}.csv`, `${"🙂".repeat(62)}.csv`],
    ["has no extension that is a sentence", `a.${"b".repeat(300)}`, `a.${"b".repeat(253)}`]
  ] as const) {
    it(what, () => assert.strictEqual(fileName(given), expected))
  }

  it("is short, whole and without anything unwanted, whatever is given, and the same when given again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (given) => {
        const name = fileName(given)
        const length = new TextEncoder().encode(name).length
        assert.isAtLeast(length, 1)
        assert.isAtMost(length, 255)
        assert.isTrue(name.isWellFormed())
        assert.notMatch(name, /[/\\\p{Cc}\u202a-\u202e]|^[\s.]|[\s.]$/u)
        assert.strictEqual(fileName(name), name)
      })
    )
  })
})
