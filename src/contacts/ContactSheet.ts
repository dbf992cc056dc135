import { Effect, Result } from "effect"
import type { NewContact } from "../domain/Contact.ts"
import { InvalidCsv } from "../domain/ContactErrors.ts"
import type { RowError } from "../domain/ContactImportResult.ts"
import { readContact } from "./ContactCells.ts"
import { type Column, columnsOf } from "./ContactColumns.ts"
import type { CsvRow } from "./CsvRows.ts"

/** How many rows a file may have. Their addresses are kept while it is read. */
const mostRows = 500_000
/** How many of the things that are wrong are listed. */
export const mostErrors = 1000

/** A file as far as it is read: its columns, its addresses, and what was wrong with it. */
export class ContactSheet {
  columns: ReadonlyArray<Column> | undefined
  rows = 0
  rejected = 0
  readonly errors: Array<RowError> = []
  private readonly lines = new Map<string, number>()

  /** The contact of the next row; undefined for the header and for rows that are none. */
  take(row: CsvRow): Effect.Effect<NewContact | undefined, InvalidCsv> {
    const { columns } = this
    if (columns === undefined) {
      return Effect.map(columnsOf(row), (columns) => {
        this.columns = columns
        return undefined
      })
    }
    this.rows += 1
    if (this.rows > mostRows) return tooLong
    return Effect.succeed(
      Result.match(
        Result.flatMap(readContact(row, columns), (contact) => this.once(contact, row.line)),
        {
          onSuccess: (contact) => contact,
          onFailure: (errors) => this.reject(errors)
        }
      )
    )
  }

  private reject(errors: ReadonlyArray<RowError>) {
    this.rejected += 1
    this.errors.push(...errors.slice(0, mostErrors - this.errors.length))
    return undefined
  }

  /** The first row with an address is the one that counts; upper and lower case make no difference. */
  private once(contact: NewContact, line: number): Result.Result<NewContact, ReadonlyArray<RowError>> {
    const address = contact.email.trim().toLowerCase()
    const first = this.lines.get(address)
    if (first !== undefined) {
      const column = this.columns?.find((column) => column._tag === "Field" && column.field === "email")?.name ?? null
      return Result.fail([{ line, column, message: `Line ${first} has the same email address` }])
    }
    this.lines.set(address, line)
    return Result.succeed(contact)
  }
}

const tooLong = new InvalidCsv({
  line: null,
  reason: `it has more than ${mostRows} rows. Divide it into several files`
})
