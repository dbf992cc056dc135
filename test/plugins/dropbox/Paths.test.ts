/** Names of files and folders: what Dropbox refuses or treats in a way of its own never gets there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import fc from "fast-check"
import { settings } from "../../../plugins/dropbox/Client.ts"
import { parentOf, pathOf, safeName } from "../../../plugins/dropbox/Paths.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { dropbox, isOnce, makeExport } from "./DropboxStand.ts"

const names: ReadonlyArray<readonly [string, string, string]> = [
  ["an ordinary one", "contacts-export-2026-01-31.csv", "contacts-export-2026-01-31.csv"],
  ["letters of all scripts", "連絡先 Ñandú 😀.csv", "連絡先 Ñandú 😀.csv"],
  ["letters in parts", "n\u0303.csv", "ñ.csv"],
  ["slashes", "../../etc/passwd", "-..-etc-passwd"],
  ["backslashes", String.raw`..\secret.csv`, "-secret.csv"],
  ["what Windows refuses", '<a>:"b"|c?*.csv', "-a---b--c--.csv"],
  ["control characters", "a\u0000b\nc\u007f.csv", "a-b-c-.csv"],
  ["half a character", "a\ud800.csv", "a\ufffd.csv"],
  ["text that is turned around", "contacts\u202evsc.exe", "contacts-vsc.exe"],
  ["characters that nobody sees", "con\u200btacts\ufeff.csv", "con-tacts-.csv"],
  ["dots and spaces at the start", " ..hidden.csv", "hidden.csv"],
  ["dots and spaces at the end", "contacts.csv. .", "contacts.csv"],
  ["a name of Office's", "~$contacts.csv", "$contacts.csv"],
  ["a name that Dropbox ignores", "desktop.ini", "_desktop.ini"],
  ["another of them", "Thumbs.db", "_Thumbs.db"],
  ["the Mac's icon", "Icon\r", "Icon-"],
  ["the Mac's folder settings", ".DS_Store", "DS_Store"],
  ["Dropbox's own", ".dropbox", "dropbox"],
  ["a device of Windows'", "CON.csv", "_CON.csv"],
  ["another device", "lpt1", "_lpt1"],
  ["no device", "contacts", "contacts"],
  ["nothing", "", "file"],
  ["nothing but dots", "...", "file"]
]

describe("The name of a file", () => {
  for (const [what, given, safe] of names) {
    it(`with ${what} becomes ${JSON.stringify(safe)}`, () => {
      assert.strictEqual(safeName(given), safe)
    })
  }

  it("is cut before its extension", () => {
    assert.strictEqual(safeName(`${"a".repeat(300)}.csv`), `${"a".repeat(236)}.csv`)
    assert.strictEqual(safeName("a".repeat(300)), "a".repeat(240))
    assert.strictEqual(safeName(`${"😀".repeat(100)}.csv`), `${"😀".repeat(59)}.csv`)
  })

  it("is one that Dropbox takes, whatever it was", () => {
    const hostile = fc.string({
      unit: fc.oneof(
        fc.string({ unit: "binary", maxLength: 2 }),
        fc.constantFrom("/", "\\", ".", " ", "\0", "~", "\ud800")
      ),
      maxLength: 300
    })
    fc.assert(
      fc.property(hostile, (given) => {
        const safe = safeName(given)
        assert.match(safe, /^[^\s.~/\\\p{Cc}][^/\\\p{Cc}]*$/u)
        assert.notMatch(safe, /[\s.]$/)
        assert.isAtMost(new TextEncoder().encode(safe).length, 240)
        assert.strictEqual(safeName(safe), safe)
      })
    )
  })

  it.live("goes to Dropbox in a header, whatever its letters", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox({ folder: "/Ñandú 😀" })
      const file = bytesFile("連絡先 😀.csv", 12)
      assert.strictEqual((yield* makeExport(files).put(file)).name, "連絡先 😀.csv")
      yield* isOnce(emulator, file, "連絡先 😀.csv", ["Ñandú 😀"])
    })
  )
})

describe("A folder", () => {
  const decode = (folder: unknown) => Schema.decodeUnknownExit(settings)({ folder })

  it("is the app's own unless it is set", () => {
    assert.deepStrictEqual(Schema.decodeSync(settings)({}), { folder: "/" })
  })

  for (const folder of ["/", "/Exports", "/Exports/Ñandú 1.2", `/${"a".repeat(255)}`]) {
    it(`may be ${folder.slice(0, 20)}`, () => assert.isTrue(Exit.isSuccess(decode(folder))))
  }

  for (const folder of [
    "",
    "Exports",
    "/Exports/",
    "//",
    "/a//b",
    "/.",
    "/..",
    "/a/../b",
    "/.hidden",
    "/a ",
    "/ a",
    "/a.",
    "/a\\b",
    "/a\nb",
    "/a\u0000",
    "/a:b",
    "/\ud800",
    `/${"a".repeat(256)}`,
    "/a".repeat(501),
    42
  ]) {
    it(`can't be ${JSON.stringify(folder).slice(0, 20)}`, () => assert.isTrue(Exit.isFailure(decode(folder))))
  }

  it("and a name are a path", () => {
    assert.strictEqual(pathOf("/", "a/b.csv"), "/a-b.csv")
    assert.strictEqual(pathOf("/Exports", "a.csv"), "/Exports/a.csv")
    assert.strictEqual(parentOf("/Exports/a.csv"), "/Exports")
    assert.strictEqual(parentOf("/a.csv"), "")
  })
})
