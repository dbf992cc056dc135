import { DateTime, Schema } from "effect"

const first = DateTime.toEpochMillis(DateTime.makeUnsafe("0000-01-01T00:00:00.000Z"))
const last = DateTime.toEpochMillis(DateTime.makeUnsafe("9999-12-31T23:59:59.999Z"))

/** A time that someone asks about, in the years of RFC 3339: Postgres has no others as JavaScript writes them. */
export const Moment = Schema.DateTimeUtcFromString.check(
  Schema.makeFilter((time) => time.epochMilliseconds >= first && time.epochMilliseconds <= last, {
    message: "Expected a time in the years 0000 to 9999"
  })
)
