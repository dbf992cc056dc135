import { Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"

/**
 * What lies under a `SqlError`: the server's own answer, or the socket's.
 * `code` is a SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or an errno name.
 * `position` counts the characters of the statement from 1.
 */
export class PostgresFault extends Schema.Class<PostgresFault>("PostgresFault")({
  message: Schema.String,
  code: Schema.optional(Schema.String),
  detail: Schema.optional(Schema.String),
  hint: Schema.optional(Schema.String),
  position: Schema.optional(Schema.FiniteFromString)
}) {}

const Nested = Schema.Struct({ cause: Schema.Unknown })
const isNested = Schema.is(Nested)
const decode = Schema.decodeUnknownOption(PostgresFault)

/** Digs the fault out of a driver error: the innermost cause that carries a code. */
export const faultOf = (error: SqlError): PostgresFault => {
  let current: unknown = error.reason.cause
  let fault = new PostgresFault({ message: error.message })
  while (current !== undefined) {
    const found = decode(current)
    if (found._tag === "Some") fault = found.value
    if (fault.code !== undefined || !isNested(current)) return fault
    current = current.cause
  }
  return fault
}

/**
 * Whether Postgres refuses what a statement carries, so that it would refuse it again: SQLSTATE classes 21 and 22
 * (data), 23 (constraints), 54 (program limits) and P0 (raised by a trigger). Everything else, from a server that is
 * shutting down to a table that is not there yet, says nothing about the data. 23514 is left out: a row for which no
 * partition exists yet is refused with it, and no table that data of others enters has another CHECK.
 */
export const refusesData = (error: SqlError): boolean => /^(21|22|23(?!514)|54|P0)/.test(faultOf(error).code ?? "")
