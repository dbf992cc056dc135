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
