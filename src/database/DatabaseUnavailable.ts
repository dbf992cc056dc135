import { Effect, Redacted, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { faultOf } from "./PostgresFault.ts"

/** The oldest Postgres that this service runs on. */
const oldestMajor = 15

/** The database can't be used; the message says which one, why, and what to do. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/**
 * Names a database for people: user, host, port and database, never the password. A password whose special characters
 * are not percent-encoded ends up in other parts of the URL; such an address is not printed at all.
 */
const nameOf = (url: Redacted.Redacted): string => {
  const parsed = URL.parse(Redacted.value(url))
  const isAddress = parsed?.protocol === "postgres:" || parsed?.protocol === "postgresql:"
  if (!isAddress || /@/.test(parsed.pathname + parsed.search) || parsed.hash !== "") {
    return "The database of DATABASE_URL (postgres://user:password@host:port/database, special characters percent-encoded)"
  }
  const user = parsed.username === "" ? "" : `${parsed.username}@`
  const host = `${parsed.hostname || "(local socket)"}:${parsed.port || "5432"}`
  return `The database ${parsed.pathname.slice(1) || "(default)"} at ${user}${host}`
}

const reasons: Readonly<Record<string, string>> = {
  "28P01":
    "refused the user name or password. Check them in DATABASE_URL (special characters must be percent-encoded).",
  "28000": "refused this user (pg_hba.conf). Check the user, the address you come from, and whether TLS is asked for.",
  "3D000": "does not exist. Create it (createdb), or correct the name in DATABASE_URL.",
  "42501": "does not let this user in. GRANT CONNECT on it to the user of DATABASE_URL.",
  "53300": "has no connection left. Lower DATABASE_POOL_SIZE, raise max_connections, or put a pooler in between.",
  "57P03": "is starting up, shutting down or recovering. Try again in a moment.",
  ECONNREFUSED: "can't be reached: nothing listens there. Is Postgres running, and are host and port right?",
  ENOTFOUND: "can't be reached: there is no host of that name. Check DATABASE_URL.",
  EAI_AGAIN: "can't be reached: the name server does not answer. Check the network and DATABASE_URL.",
  EHOSTUNREACH: "can't be reached: there is no route to that host. Check the network and DATABASE_URL.",
  ENETUNREACH: "can't be reached: there is no route to that network. Check the network and DATABASE_URL."
}

/** Says why a database can't be used. */
export const unavailable = (url: Redacted.Redacted, cause: SqlError): DatabaseUnavailable => {
  const fault = faultOf(cause)
  const reason = reasons[fault.code ?? ""] ?? `can't be used: ${fault.message}. Check DATABASE_URL.`
  return new DatabaseUnavailable({ message: `${nameOf(url)} ${reason}`, cause })
}

/** Says that a database is too old; `number` is its `server_version_num`, such as 140011 for 14.11. */
export const requireVersion = Effect.fnUntraced(function* (url: Redacted.Redacted, number: number) {
  if (number >= oldestMajor * 10_000) return
  return yield* new DatabaseUnavailable({
    message:
      `${nameOf(url)} runs Postgres ${Math.floor(number / 10_000)}.${number % 10_000}; this service needs ${oldestMajor} ` +
      "or newer. Upgrade that server, or point DATABASE_URL at a newer one."
  })
})
