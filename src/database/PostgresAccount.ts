import * as process from "node:process"
import { Effect, FileSystem, Option } from "effect"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { type Account, runProgram } from "./PostgresProgram.ts"

/** Accounts to run as in place of root: they exist already, so starting a database changes nothing on the machine. */
const names = ["postgres", "nobody"]

const findAccount = Effect.fnUntraced(function* (name: string) {
  const id = (flag: string) => runProgram("id", [flag, name], undefined).pipe(Effect.map(Number))
  const account: Account = { uid: yield* id("-u"), gid: yield* id("-g") }
  return account
})

/** Whether this process is root, as whom Postgres refuses to run. */
export const isRoot = Effect.sync(() => process.getuid?.() === 0)

/** The account for a new database's server; `undefined` means our own. */
export const accountForNewServer = Effect.gen(function* () {
  if (!(yield* isRoot)) return undefined
  return yield* Effect.firstSuccessOf(names.map(findAccount)).pipe(
    Effect.mapError(
      (cause) =>
        new EmbeddedPostgresError({
          message:
            `Postgres refuses to run as root, and there is no account to run it as (looked for ${names.join(", ")}). ` +
            "Start as an ordinary user, or set DATABASE_URL to a Postgres of your own (15 or newer).",
          cause
        })
    )
  )
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
