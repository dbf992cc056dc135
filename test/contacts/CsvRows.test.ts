import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { readRows } from "../../src/contacts/CsvRows.ts"

const written = Effect.fnUntraced(function* (content: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempFileScoped()
  yield* typeof content === "string" ? fs.writeFileString(path, content) : fs.writeFile(path, content)
  return readRows(fs, path)
})

const rows = (content: string | Uint8Array) => Effect.flatMap(written(content), Stream.runCollect)

const refusal = (content: string | Uint8Array) =>
  Effect.map(Effect.flip(rows(content)), (error) => {
    assert.strictEqual(error._tag, "InvalidCsv")
    return error.message
  })

const bytes = (...parts: ReadonlyArray<string | ReadonlyArray<number>>) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))))

layer(NodeServices.layer)("Rows of a CSV file", (it) => {
  it.effect("are at the lines where they begin, whatever line breaks their cells have", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rows('a,b\r\n1,"x\r\ny\nz"\r\n\n\r\n3,4\n"","q""q"'), [
        { line: 1, cells: ["a", "b"] },
        { line: 2, cells: ["1", "x\r\ny\nz"] },
        { line: 7, cells: ["3", "4"] },
        { line: 8, cells: ["", 'q"q'] }
      ])
    })
  )

  it.effect("are separated by what the first line has most of, outside of quotes", () =>
    Effect.gen(function* () {
      const expected = [
        { line: 1, cells: ["a,b,c", "d"] },
        { line: 2, cells: ["1", "2,3"] }
      ]
      assert.deepStrictEqual(yield* rows('"a,b,c";d\n1;2,3\n'), expected)
      assert.deepStrictEqual(yield* rows('"a,b,c"\td\n1\t2,3\n'), expected)
      assert.deepStrictEqual(yield* rows('"a,b,c",d\n1,"2,3"\n'), expected)
    })
  )

  it.effect("begin behind a byte order mark", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* rows("\ufeffa,b"))[0]?.cells, ["a", "b"])
      assert.deepStrictEqual((yield* rows('\ufeff"a";b'))[0]?.cells, ["a", "b"])
    })
  )

  it.effect("are none in an empty file", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rows(""), [])
      assert.deepStrictEqual(yield* rows("\n\r\n"), [])
    })
  )

  it.effect("are refused with the line where quotes are wrong", () =>
    Effect.gen(function* () {
      const before = 'a,b\r\n"1\r\n1",2\r\n'
      assert.match(yield* refusal(`${before}3,"4\n\n\n`), /^Line 4 .*never closed/)
      assert.match(yield* refusal(`${before}3,x"4`), /^Line 4 .*inside of a cell/)
      assert.match(yield* refusal(`${before}3,"x"4`), /^Line 4 .*followed by text/)
      assert.match(yield* refusal(`${before}3,"${"x\n".repeat(700_000)}`), /^Line 4 .*longer than 1 MiB/)
    })
  )

  it.effect("are refused with the line where there is no text, also deep in a file and across chunks", () =>
    Effect.gen(function* () {
      const many = `${"é".repeat(50)}\n`.repeat(5000)
      assert.match(yield* refusal(bytes("a\n", many, "b\n", [0xff], "\nc\n")), /^Line 5003 .*not UTF-8/)
      assert.match(yield* refusal(bytes("a\n", many, "b\n", [0], "\nc\n")), /^Line 5003 .*NUL/)
      assert.match(yield* refusal(bytes("a\n", many, "ok\nb", [0xc3])), /^Line 5003 .*not UTF-8/)
      assert.match(yield* refusal(bytes([0xff, 0xfe], "a\n")), /^Line 1 .*not UTF-8/)
      // A character that two chunks share is one all the same, whole or broken.
      for (let shift = 0; shift < 4; shift++) {
        const text = `${"x".repeat(shift)}${"€\n".repeat(40_000)}`
        assert.strictEqual((yield* rows(text)).length, 40_000)
        const broken = bytes("x".repeat(shift), "€\n".repeat(30_000), [0xe2, 0x82], "\n€\n")
        assert.match(yield* refusal(broken), /^Line 30001 .*not UTF-8/)
      }
    })
  )
})
