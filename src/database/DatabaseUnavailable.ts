import { Redacted, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { faultOf } from "./PostgresFault.ts"

/** The oldest Postgres that this service runs on. */
export const oldestMajor = 15

/** The database can't be used; the message says which one, why, and what to do. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** Names a database for people: user, host, port and database, never the password. */
const target = (url: Redacted.Redacted): string => {
  const parsed = URL.parse(Redacted.value(url))
  if (parsed === null) return "The database of DATABASE_URL"
  const user = parsed.username === "" ? "" : `${decodeURIComponent(parsed.username)}@`
  return (
    `The database ${decodeURIComponent(parsed.pathname.slice(1)) || "(default)"} at ` +
    `${user}${parsed.hostname || "(local socket)"}:${parsed.port || "5432"}`
  )
}

const reasons: Record<string, string> = {
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

const error = (url: Redacted.Redacted, cause: SqlError): string => {
  const fault = faultOf(cause)
  const reason = reasons[fault.code ?? ""]
  return `${target(url)} ${reason ?? `can't be used: ${fault.message}. Check DATABASE_URL.`}`
}

/** Messages for people about a database that can't be used. */
export const explain = { target, error }
