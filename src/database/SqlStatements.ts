import { Data, Result } from "effect"

/** One statement of a file, without its semicolon; `line` is where it begins, from 1. */
export interface SqlStatement {
  readonly text: string
  readonly line: number
}

/** A quote or comment that is never closed. */
export class UnterminatedSql extends Data.TaggedError("UnterminatedSql")<{
  readonly token: string
  readonly line: number
}> {}

/**
 * The tokens in which a semicolon means nothing, and words, so that `name$1$` is not taken for the start of a dollar
 * quote. Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
const tokens = {
  lineComment: /--[^\n]*/y,
  blockComment: /\/\*/y,
  escapeString: /e'(?:[^'\\]|\\[\s\S]|'')*('?)/iy,
  string: /'(?:[^']|'')*('?)/y,
  quotedIdentifier: /"(?:[^"]|"")*("?)/y,
  dollarQuote: /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$/y,
  word: /[A-Za-z_0-9\u0080-\uffff][A-Za-z_0-9$\u0080-\uffff]*/y
}
type Token = keyof typeof tokens
const order: ReadonlyArray<Token> = [
  "lineComment",
  "blockComment",
  "escapeString",
  "string",
  "quotedIdentifier",
  "dollarQuote",
  "word"
]

/** Block comments nest. Returns the end of the comment that begins at `start`, or -1. */
const endOfComment = (sql: string, start: number): number => {
  let depth = 0
  for (let at = start; at < sql.length; at++) {
    const pair = sql.slice(at, at + 2)
    if (pair === "/*") depth++
    else if (pair === "*/") depth--
    else continue
    at++
    if (depth === 0) return at + 1
  }
  return -1
}

const endOfDollarQuote = (sql: string, start: number, tag: string): number => {
  const close = sql.indexOf(tag, start + tag.length)
  return close === -1 ? -1 : close + tag.length
}

/** The end of the token at `at`, -1 if it has none, `undefined` where no token of interest begins. */
const tokenAt = (sql: string, at: number): { readonly kind: Token; readonly end: number } | undefined => {
  for (const kind of order) {
    const pattern = tokens[kind]
    pattern.lastIndex = at
    const match = pattern.exec(sql)
    if (match === null) continue
    if (kind === "blockComment") return { kind, end: endOfComment(sql, at) }
    if (kind === "dollarQuote") return { kind, end: endOfDollarQuote(sql, at, match[0]) }
    return { kind, end: match[1] === "" ? -1 : pattern.lastIndex }
  }
  return undefined
}

/**
 * Splits a file of SQL into statements, at each semicolon that is not inside quotes, comments or parentheses: the
 * driver takes one statement for each call. Comments before, between and inside statements are fine.
 *
 * Gotcha: the semicolons inside a `BEGIN ATOMIC` function body are not recognised; write such bodies as dollar quotes.
 */
export const splitStatements = (sql: string): Result.Result<ReadonlyArray<SqlStatement>, UnterminatedSql> => {
  const statements: Array<SqlStatement> = []
  const lineOf = (at: number) => sql.slice(0, at).split("\n").length
  let start: number | undefined
  let depth = 0
  const finish = (end: number) => {
    if (start !== undefined) statements.push({ text: sql.slice(start, end).trimEnd(), line: lineOf(start) })
    start = undefined
  }
  for (let at = 0; at < sql.length; ) {
    const token = tokenAt(sql, at)
    if (token !== undefined) {
      if (token.end === -1) {
        return Result.fail(
          new UnterminatedSql({ token: sql.slice(at, at + 20).split("\n")[0] ?? "", line: lineOf(at) })
        )
      }
      if (token.kind !== "lineComment" && token.kind !== "blockComment") start ??= at
      at = token.end
      continue
    }
    const char = sql.charAt(at)
    if (char === "(") depth++
    else if (char === ")") depth--
    if (char === ";" && depth <= 0) {
      finish(at)
      depth = 0
    } else if (char.trim() !== "") start ??= at
    at++
  }
  finish(sql.length)
  return Result.succeed(statements)
}
