import * as process from "node:process"
import { Effect, FileSystem, Option } from "effect"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import type { Account } from "./PostgresProgram.ts"

/**
 * Accounts to run as in place of root, best first (`_postgres` is macOS'). They exist already: to start a database
 * changes nothing on the machine.
 */
const names = ["postgres", "_postgres", "nobody"]

/** Whether this process is root, as whom Postgres refuses to run. */
const isRoot = Effect.sync(() => process.getuid?.() === 0)

/** The accounts of this machine: name, password, uid, gid, and more, between colons (passwd(5)). */
const readAccounts = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString("/etc/passwd").pipe(Effect.orElseSucceed(() => ""))
  const lines = text.split("\n").map((line) => line.split(":"))
  return new Map(
    lines.map(([name, , uid, gid]): [string, Account] => [name ?? "", { uid: Number(uid), gid: Number(gid) }])
  )
})

/** The account for a new database's server; `undefined` means our own. */
export const accountForNewServer = Effect.gen(function* () {
  if (!(yield* isRoot)) return undefined
  const accounts = yield* readAccounts
  const name = names.find((name) => accounts.has(name))
  if (name !== undefined) return accounts.get(name)
  return yield* new EmbeddedPostgresError({
    message:
      `Postgres refuses to run as root, and there is no account to run it as (looked for ${names.join(", ")}). ` +
      "Start as an ordinary user, or set DATABASE_URL to a Postgres of your own (15 or newer)."
  })
})

/** The account for the server of an existing data directory: its owner, when we are root. */
export const accountOfServer = Effect.fnUntraced(function* (data: string) {
  if (!(yield* isRoot)) return undefined
  const info = yield* (yield* FileSystem.FileSystem).stat(data)
  const account: Account = { uid: Option.getOrElse(info.uid, () => 0), gid: Option.getOrElse(info.gid, () => 0) }
  if (account.uid === 0) {
    return yield* new EmbeddedPostgresError({
      message:
        `Postgres refuses to run as root, and ${data} belongs to root. Give it back to the account that it was ` +
        "made by (chown -R), or remove it to start with an empty database."
    })
  }
  return account
})
