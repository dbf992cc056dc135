import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { splitStatements } from "../../src/database/SqlStatements.ts"

const texts = (sql: string) => Result.getOrThrow(splitStatements(sql)).map(({ text }) => text)
const unterminated = (sql: string) => Result.getFailure(splitStatements(sql))

/** Pieces that mean nothing to the splitter whatever they hold, each full of semicolons and other pieces' marks. */
const noise = fc.array(fc.constantFrom(";", "'", '"', "$$", "$a$", "--", "/*", "*/", "\\", "\n", " ", "x", "ü", "E"), {
  maxLength: 8
})
const text = noise.map((parts) => parts.join(""))
const piece = fc.oneof(
  fc.constantFrom("SELECT", " 1", " $1", " a$b$c", " name", ", ", " + ", " E", " U&", "\n", "(1; 2)"),
  text.map((body) => `'${body.replaceAll("'", "''")}'`),
  text.map((body) => ` E'${body.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`),
  text.map((body) => `"${body.replaceAll('"', '""')}"`),
  text.map((body) => ` $body$${body.replaceAll("$body$", "")}$body$ `),
  text.map((body) => ` $$${body.replaceAll("$", "")}$$ `),
  text.map((body) => ` --${body.replaceAll("\n", "")}\n`),
  text.map((body) => ` /* ${body.replaceAll("/", "").replaceAll("*", "")} /* ; */ ' */ `)
)
const statement = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `SELECT ${pieces.join(" ")} END`)

describe("splitStatements", () => {
  it("gives back every statement that was joined with semicolons", () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 5 }), (statements) => {
        assert.deepStrictEqual(texts(statements.join(";\n")), statements)
      }),
      { numRuns: 1000 }
    )
  })

  it("never splits inside what it gives back, and says on which line each begins", () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 5 }), (statements) => {
        const file = statements.join(";\n\n")
        for (const { line, text } of Result.getOrThrow(splitStatements(file))) {
          assert.deepStrictEqual(texts(text), [text])
          assert.isTrue(
            file
              .split("\n")
              .slice(line - 1)
              .join("\n")
              .startsWith(text)
          )
        }
      })
    )
  })

  const cases: ReadonlyArray<readonly [name: string, sql: string, expected: ReadonlyArray<string>]> = [
    ["an empty file", "", []],
    ["only comments", "-- nothing; here\n/* nor; here */\n;;\n", []],
    ["a comment before the first statement", "-- why;\nSELECT 1;", ["SELECT 1"]],
    ["a last statement without semicolon", "SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]],
    [
      "dollar quotes with another tag inside",
      "DO $a$ ; $b$ ; $b$ ; $a$; SELECT 1",
      ["DO $a$ ; $b$ ; $b$ ; $a$", "SELECT 1"]
    ],
    ["a dollar inside a name", "SELECT a$b$; SELECT c$b$", ["SELECT a$b$", "SELECT c$b$"]],
    ["parameters", "SELECT $1;$2", ["SELECT $1", "$2"]],
    ["nested comments", "SELECT /* ; /* ; */ ; */ 1; SELECT 2", ["SELECT /* ; /* ; */ ; */ 1", "SELECT 2"]],
    ["a backslash in a plain string", "SELECT '\\'; SELECT ';'", ["SELECT '\\'", "SELECT ';'"]],
    ["a backslash in an escape string", "SELECT e'\\';'; SELECT 2", ["SELECT e'\\';'", "SELECT 2"]],
    ["a name that ends in e", "SELECT namee'\\'; SELECT 2", ["SELECT namee'\\'", "SELECT 2"]],
    [
      "a rule of several commands",
      "CREATE RULE r AS ON INSERT TO t DO (A; B); C",
      ["CREATE RULE r AS ON INSERT TO t DO (A; B)", "C"]
    ]
  ]
  for (const [name, sql, expected] of cases) {
    it(`understands ${name}`, () => assert.deepStrictEqual(texts(sql), expected))
  }

  for (const sql of ["SELECT 'x;\nSELECT 1;", 'SELECT "x', "DO $x$ ; $y$", "/* /* */", "SELECT E'\\'", "SELECT 'a''"]) {
    it(`names the line of what is never closed: ${JSON.stringify(sql)}`, () => {
      const failure = unterminated(`SELECT 1;\n\n${sql}`)
      assert.strictEqual(failure._tag === "Some" ? failure.value.line : undefined, 3)
    })
  }
})
