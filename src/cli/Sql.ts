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

/** `nexus sql`: one statement on the configured database, where `psql` is missing. */
export const sql = Command.make(
  "sql",
  { statement: Argument.String("statement").pipe(Argument.withDescription("The statement, quoted")) },
  Effect.fn(function* ({ statement }) {
    const client = yield* SqlClient.SqlClient
    const rows = yield* client.unsafe<Record<string, unknown>>(statement).withoutTransform.pipe(
      Effect.mapError((error) => {
        const { message, hint } = faultOf(error)
        return new StatementRefused({ problem: message, hint: hint ?? "" })
      })
    )
    for (const row of rows) yield* Console.log(JSON.stringify(row, printable))
    yield* Console.error(`${rows.length} ${rows.length === 1 ? "row" : "rows"}`)
  })
).pipe(
  Command.withDescription("Run one SQL statement on the configured database; rows are printed as JSON lines"),
  Command.withExamples([{ command: 'nexus sql "SELECT count(*) FROM nexus.outbox"' }])
)

const printable = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value)
