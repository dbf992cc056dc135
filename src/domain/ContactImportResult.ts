import { Schema } from "effect"

/** One thing that keeps a row of a file from being a contact. */
export const RowError = Schema.Struct({
  /** Where the row begins, from 1; the header is line 1. */
  line: Schema.Int,
  /** The column as the file names it; null when it is the whole row. */
  column: Schema.NullOr(Schema.String),
  message: Schema.String
})
export type RowError = typeof RowError.Type

/** What an import did, or with `dryRun` would have done. */
export class ContactImportResult extends Schema.Class<ContactImportResult>("ContactImportResult")({
  created: Schema.Int,
  updated: Schema.Int,
  unchanged: Schema.Int,
  /** Rows that were left out; all of them count, even where `errors` ends earlier. */
  rejected: Schema.Int,
  /** Why, at most 1,000. */
  errors: Schema.Array(RowError)
}) {}
