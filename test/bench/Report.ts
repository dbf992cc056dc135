/** What a section has measured, as a table for people and as lines of JSON for programs. */
import { Console, Context, Effect, Layer } from "effect"

export type Row = Readonly<Record<string, string | number>>

export class Report extends Context.Service<
  Report,
  {
    /** One table. Columns are the names in the first row. */
    table(section: string, title: string, rows: ReadonlyArray<Row>): Effect.Effect<void>
  }
>()("nexus/bench/Report") {
  static readonly layerText = Layer.succeed(Report, {
    table: (_, title, rows) => Console.log(`\n${title}\n\n${render(rows)}\n`)
  })

  static readonly layerJson = Layer.succeed(Report, {
    table: (section, _, rows) =>
      Effect.forEach(rows, (row) => Console.log(JSON.stringify({ section, ...row })), { discard: true })
  })
}

const render = (rows: ReadonlyArray<Row>): string => {
  const columns = Object.keys(rows[0] ?? {})
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
    )
    .join("\n")
}
