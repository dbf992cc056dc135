import { Console, Effect, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { SqlClient } from "effect/sql"
import { faultOf } from "../database/PostgresFault.ts"

/** Postgres refused the statement. */
class StatementRefused extends Schema.TaggedError<StatementRefused>()("StatementRefused", {
  problem: Schema.String,
  hint: Schema.String
}) {
  override get message() {
    return `Postgres refused the statement: ${this.problem}${this.hint && `. ${this.hint}`}`
  }
}

/** What the driver answers: the first word of the command tag, and how many rows it names. */
const decodeResult = Schema.decodeUnknownEffect(
  Schema.Struct({ command: Schema.String, rowCount: Schema.Int, rows: Schema.Array(Schema.Unknown) })
)

/** What was done to how many rows; other statements than these touch none. */
const done: Readonly<Record<string, string>> = {
  SELECT: "",
  INSERT: " inserted",
  UPDATE: " updated",
  DELETE: " deleted",
  MERGE: " merged"
}

const summary = (command: string, rowCount: number) => {
  const what = done[command]
  return what === undefined ? `${command} done` : `${rowCount} ${rowCount === 1 ? "row" : "rows"}${what}`
}

/** `nexus sql`: one statement on the configured database, where `psql` is missing. */
export const sql = Command.make(
  "sql",
  { statement: Argument.String("statement").pipe(Argument.withDescription("The statement, quoted")) },
  Effect.fn(function* ({ statement }) {
    const client = yield* SqlClient.SqlClient
    const result = yield* client.unsafe(statement).raw.pipe(
      Effect.mapError((error) => {
        const { message, hint } = faultOf(error)
        return new StatementRefused({ problem: message, hint: hint ?? "" })
      })
    )
    const { command, rowCount, rows } = yield* Effect.orDie(decodeResult(result))
    for (const row of rows) yield* Console.log(JSON.stringify(row, printable))
    yield* Console.error(summary(command, rowCount))
  })
).pipe(
  Command.withDescription("Run one SQL statement on the configured database; rows are printed as JSON lines"),
  Command.withExamples([{ command: 'nexus sql "SELECT count(*) FROM nexus.outbox"' }])
)

const printable = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value)
