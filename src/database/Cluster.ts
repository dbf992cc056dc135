import * as os from "node:os"
import { Crypto, Effect, FileSystem, Path, Redacted, Schedule } from "effect"
import { Hex } from "effect/encoding"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { accountForNewServer, accountOfServer } from "./PostgresAccount.ts"
import { type PostgresBinaries, postgresBinaries } from "./PostgresBinaries.ts"
import { type Account, runProgram } from "./PostgresProgram.ts"

/** The name of the embedded server's superuser, and of the database in which the service lives. */
export const databaseName = "nexus"

/** A Postgres data directory with what it takes to run a server on it. */
export interface Cluster {
  /** Holds `data/`, `password`, `port` and `server.log`. */
  readonly directory: string
  readonly data: string
  readonly log: string
  readonly password: Redacted.Redacted
  /** Whom the server runs as; `undefined` means as we do. */
  readonly account: Account | undefined
  readonly binaries: PostgresBinaries
}

/** Where a cluster lives and how its server is set up. */
export interface ClusterOptions {
  /** The state directory; the cluster is `postgres` in it: a folder, or (made by root) a link to one. */
  readonly home: string
  /** Where root keeps clusters: the account that Postgres runs as can't enter the state directory. */
  readonly rootDirectory: string
  /** Server settings, written down when the cluster is made. */
  readonly settings: Readonly<Record<string, string>>
}

/** Settings of every embedded server. Its log names no values of rows or statements: they may be secrets. */
const baseSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  log_error_verbosity: "terse",
  log_min_error_statement: "panic"
}

const filesOf = (path: Path.Path, directory: string) => ({
  data: path.join(directory, "data"),
  log: path.join(directory, "server.log"),
  passwordFile: path.join(directory, "password")
})

/**
 * Runs initdb in `directory`, which afterwards is a complete cluster. Another account owns the data and the log and
 * nothing else: root reads and writes beside them, where that account must not be able to put a link in its way.
 */
const initialize = Effect.fnUntraced(function* (
  directory: string,
  account: Account | undefined,
  settings: ClusterOptions["settings"]
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const crypto = yield* Crypto.Crypto
  const { data, log, passwordFile } = filesOf(path, directory)
  yield* fs.makeDirectory(data, { mode: 0o700 })
  yield* fs.writeFileString(log, "", { mode: 0o600 })
  yield* fs.writeFileString(passwordFile, Hex.encode(yield* crypto.randomBytes(24)), { mode: 0o600 })
  if (account !== undefined) {
    yield* fs.chmod(directory, 0o711)
    yield* Effect.forEach([data, log, passwordFile], (file) => fs.chown(file, account.uid, account.gid))
  }
  const binaries = yield* postgresBinaries(account, directory)
  yield* runProgram(
    binaries.initdb,
    [
      `--pgdata=${data}`,
      `--username=${databaseName}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      ...(settings.fsync === "off" ? ["--no-sync"] : []),
      ...Object.entries({ ...baseSettings, ...settings }).flatMap(([name, value]) => ["--set", `${name}=${value}`])
    ],
    account
  ).pipe(
    Effect.mapError(
      (cause) =>
        new EmbeddedPostgresError({ message: `initdb could not make a database in ${data}: ${cause.output}`, cause })
    )
  )
  if (account !== undefined) yield* fs.chown(passwordFile, 0, 0)
})

/** An empty folder for a new cluster: beside its final place, or where the other account can reach it. */
const draftDirectory = Effect.fnUntraced(function* (options: ClusterOptions, account: Account | undefined) {
  const fs = yield* FileSystem.FileSystem
  if (account === undefined) return yield* fs.makeTempDirectory({ directory: options.home, prefix: "postgres-" })
  const parent = yield* fs.makeDirectory(options.rootDirectory, { recursive: true, mode: 0o711 }).pipe(
    Effect.as(options.rootDirectory),
    Effect.catchTag("PlatformError", () => Effect.succeed(os.tmpdir()))
  )
  return yield* fs.makeTempDirectory({ directory: parent, prefix: "nexus-" })
})

/** Makes a cluster and puts it in its place in one step: whoever comes first wins, and nothing half-made is seen. */
const create = Effect.fnUntraced(function* (options: ClusterOptions, place: string) {
  const fs = yield* FileSystem.FileSystem
  const account = yield* accountForNewServer
  const draft = yield* draftDirectory(options, account)
  const publish =
    account === undefined
      ? fs.rename(draft, place)
      : Effect.andThen(
          fs.symlink(draft, place),
          Effect.logInfo(`Postgres can't run as root: it runs as uid ${account.uid}, with its files in ${draft}`)
        )
  yield* initialize(draft, account, options.settings).pipe(
    Effect.andThen(publish),
    // After a Ctrl-C, too. What initdb started may still be on its way out and writing.
    Effect.onError(() =>
      fs
        .remove(draft, { recursive: true, force: true })
        .pipe(Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 10 }), Effect.ignore)
    ),
    Effect.catchTag("PlatformError", (error) =>
      fs.exists(place).pipe(Effect.flatMap((exists) => (exists ? Effect.void : Effect.fail(error))))
    )
  )
})

const linkTarget = Effect.fnUntraced(function* (place: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readLink(place).pipe(Effect.orElseSucceed(() => undefined))
})

/** Opens the state directory's cluster, after making one where there is none yet. Safe in several processes at once. */
export const openCluster = Effect.fn("Cluster.open")(
  function* (options: ClusterOptions) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* fs.makeDirectory(options.home, { recursive: true, mode: 0o700 })
    const place = path.join(options.home, "postgres")
    if (!(yield* fs.exists(place))) {
      const lost = yield* linkTarget(place)
      if (lost !== undefined) {
        return yield* new EmbeddedPostgresError({
          message:
            `The database files of ${options.home} were in ${lost}, which is gone. ` +
            `Put them back, or remove ${place} to start with an empty database.`
        })
      }
      yield* create(options, place)
    }
    const directory = yield* fs.realPath(place)
    const { data, log, passwordFile } = filesOf(path, directory)
    const account = yield* accountOfServer(data)
    const cluster: Cluster = {
      directory,
      data,
      log,
      password: Redacted.make(yield* fs.readFileString(passwordFile)),
      account,
      binaries: yield* postgresBinaries(account, directory)
    }
    return cluster
  },
  Effect.catchTag(
    "PlatformError",
    (cause) =>
      new EmbeddedPostgresError({ message: `The embedded database's files can't be used: ${cause.message}`, cause })
  )
)
