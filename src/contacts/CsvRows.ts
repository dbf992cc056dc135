/** Reads CSV files (RFC 4180, with the liberties that programs take), and says at which line what is wrong. */
import { pipeline, Readable } from "node:stream"
import { CsvError, parse } from "csv-parse"
import { Effect, type FileSystem, PlatformError, Stream } from "effect"
import { InvalidCsv } from "../domain/ContactErrors.ts"
import { onlyText } from "./CsvText.ts"

/** A row of a file. `line` is where it begins, from 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

/** One row may be as long as this, in bytes; more than that is a quote that was never closed. */
const mostRowBytes = 1024 * 1024

/** How much of a file is looked at to find what separates its cells. */
const lookAhead = 64 * 1024

const separators = [",", ";", "\t"]

/**
 * The rows of a file, the header first; empty lines are left out. Cells are separated by commas, semicolons or tabs,
 * whichever the first line has most of; lines end in CRLF or LF; a byte order mark is passed over.
 */
export const readRows = (
  fs: FileSystem.FileSystem,
  path: string
): Stream.Stream<CsvRow, InvalidCsv | PlatformError.PlatformError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const delimiter = yield* fs.stream(path, { bytesToRead: lookAhead }).pipe(
        Stream.decodeText(),
        Stream.runFold(
          () => "",
          (all, text) => all + text
        ),
        Effect.map(separatorOf)
      )
      return rowsOf(onlyText(fs.stream(path)), delimiter)
    })
  )

/** What the first line has most of, outside of quotes. */
const separatorOf = (text: string) => {
  const [line = ""] = text.replace(/"(?:[^"]|"")*"?/g, "").split("\n", 1)
  const counts = separators.map((separator) => line.split(separator).length)
  return separators[counts.indexOf(Math.max(...counts))] ?? ","
}

const rowsOf = (bytes: Stream.Stream<Uint8Array, InvalidCsv | PlatformError.PlatformError>, delimiter: string) =>
  Stream.suspend(() => {
    let line = 1
    const parser = parse({
      bom: true,
      delimiter,
      max_record_size: mostRowBytes,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      // The parser's own count of lines is wrong where cells have line breaks of two characters.
      on_record: (cells) => {
        const numbered = [String(line), ...cells]
        line += 1 + cells.reduce((sum, cell) => sum + cell.split("\n").length - 1, 0)
        return numbered
      }
    })
    // Closes both when either ends; what went wrong comes out of the parser.
    pipeline(Readable.from(Stream.toAsyncIterable(bytes)), parser, () => {})
    const records: AsyncIterable<ReadonlyArray<string>> = parser
    return Stream.fromAsyncIterable(records, (error) => explain(error, line)).pipe(
      Stream.map(([begun, ...cells]): CsvRow => ({ line: Number(begun), cells })),
      Stream.filter(({ cells }) => cells.length > 1 || cells[0] !== "")
    )
  })

const reasons: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a quote that opens in this row is never closed",
  CSV_INVALID_CLOSING_QUOTE: 'a closing quote is followed by text; write a quote inside of a quoted cell twice ("")',
  INVALID_OPENING_QUOTE:
    'a quote stands inside of a cell; put the whole cell in quotes, and write the quote twice ("")',
  CSV_MAX_RECORD_SIZE: "the row is longer than 1 MiB; probably a quote in it is never closed"
}

/** Errors of the bytes come through the parser as they are. */
const explain = (error: unknown, line: number): InvalidCsv | PlatformError.PlatformError => {
  if (error instanceof InvalidCsv || error instanceof PlatformError.PlatformError) return error
  const reason = error instanceof CsvError ? reasons[error.code] : undefined
  return new InvalidCsv({ line, reason: reason ?? String(error) })
}
