import { PgConnection } from "@effect/sql-pg"
import { Config, Context, Effect, FileSystem, Layer, Path, Queue, Redacted, Schedule, ScopedRef } from "effect"
import { type Cluster, type ClusterOptions, databaseName, openCluster } from "./Cluster.ts"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { clearLockFile, isServing, readLockFile, startServer, stopServer } from "./Postmaster.ts"

/** The directory (mode 0700) for everything that an installation without configuration keeps: `NEXUS_HOME`. */
export const nexusHome = Config.String("NEXUS_HOME").pipe(Config.withDefault(".nexus"))

/** The advisory lock that says "in use": shared by every process that uses the server, taken alone to stop it. */
const inUse = "hashtext('nexus embedded server')"

const urlOf = (cluster: Cluster, port: number, database: string) =>
  Redacted.make(`postgres://${databaseName}:${Redacted.value(cluster.password)}@127.0.0.1:${port}/${database}`)

const connect = (cluster: Cluster, port: number, database = "postgres") =>
  PgConnection.make({
    url: urlOf(cluster, port, database),
    applicationName: "nexus embedded server",
    connectTimeout: "10 seconds"
  })

/** Finds the running server's port, after starting a server where none runs. */
const ensureRunning = Effect.fnUntraced(
  function* (cluster: Cluster) {
    const lock = yield* readLockFile(cluster)
    if (lock !== undefined && (yield* isServing(cluster, lock))) return lock.port
    if (lock !== undefined) yield* clearLockFile(cluster, lock)
    return yield* startServer(cluster)
  },
  // Another process was quicker, took the port, or the children of a killed server are still on their way out.
  Effect.retry({ schedule: Schedule.spaced("300 millis"), times: 4 })
)

/**
 * A session that holds the "in use" lock until its scope closes. `lost` ends when the session dies before that, as it
 * does with the server; a killed process of ours has left, as its session is gone.
 */
const attach = Effect.fnUntraced(
  function* (cluster: Cluster) {
    const port = yield* ensureRunning(cluster)
    const connection = yield* connect(cluster, port)
    yield* Effect.acquireRelease(connection.query(`SELECT pg_advisory_lock_shared(${inUse})`), () =>
      Effect.ignore(connection.query(`SELECT pg_advisory_unlock_shared(${inUse})`))
    )
    const databases = yield* connection.query("SELECT 1 FROM pg_database WHERE datname = $1", [databaseName])
    if (databases.rows.length === 0) yield* connection.query(`CREATE DATABASE ${databaseName}`)
    const notifications = yield* connection.listen("nexus_in_use")
    return { port, lost: Effect.exit(Queue.take(notifications)) }
  },
  // The server is starting, stopping or dying at this moment, or another process makes the same database.
  Effect.retry({
    while: (error) => error._tag === "SqlError" && error.reason._tag !== "AuthenticationError",
    schedule: Schedule.spaced("200 millis"),
    times: 100
  })
)

/** The last process to leave stops the server. */
const stopIfUnused = Effect.fnUntraced(
  function* (cluster: Cluster) {
    const lock = yield* readLockFile(cluster)
    if (lock === undefined) return
    const connection = yield* connect(cluster, lock.port)
    const { rows } = yield* connection.query(`SELECT pg_try_advisory_lock(${inUse}) AS alone`)
    if (rows[0]?.alone === true) yield* stopServer(cluster)
  },
  Effect.scoped,
  Effect.catchTags({
    // No server, nothing to stop: another process may have stopped it, or someone killed it.
    SqlError: (error) => Effect.logDebug("The embedded Postgres is gone already", error),
    PlatformError: (error) => Effect.logWarning(`The embedded Postgres may go on running: ${error.message}`),
    ProgramFailed: (error) => Effect.logWarning(`The embedded Postgres goes on running: ${error.output}`)
  })
)

/** Uses the server until the scope closes, and starts it again should it die before. Returns its port. */
const attached = Effect.fnUntraced(function* (cluster: Cluster) {
  yield* Effect.addFinalizer(() => stopIfUnused(cluster))
  const session = yield* ScopedRef.fromAcquire(attach(cluster))
  const { port } = yield* ScopedRef.get(session)
  yield* ScopedRef.get(session).pipe(
    Effect.flatMap(({ lost }) => lost),
    Effect.andThen(Effect.logWarning("Lost the embedded Postgres; attaching to it again, or starting it")),
    Effect.andThen(ScopedRef.set(session, attach(cluster))),
    Effect.forever,
    Effect.tapError((error) => Effect.logError("The embedded Postgres can't be started again", error)),
    Effect.forkScoped
  )
  return port
})

const make = Effect.fnUntraced(
  function* (options: ClusterOptions) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const home = path.resolve(options.home)
    const cluster = yield* openCluster({ ...options, home })
    const port = yield* attached(cluster).pipe(
      Effect.catchTag(
        "SqlError",
        (cause) =>
          new EmbeddedPostgresError({
            message: `The embedded Postgres runs but does not answer (${cause.message}); see ${cluster.log}`,
            cause
          })
      )
    )
    const url = urlOf(cluster, port, databaseName)
    yield* fs.writeFileString(path.join(home, "database-url"), `${Redacted.value(url)}\n`, { mode: 0o600 })
    return EmbeddedPostgres.of({ url })
  },
  Effect.catchTag(
    "PlatformError",
    (cause) =>
      new EmbeddedPostgresError({ message: `The embedded database's files can't be used: ${cause.message}`, cause })
  )
)

/**
 * A real Postgres 18 from npm, for installations that have no `DATABASE_URL`. Its data lies in `NEXUS_HOME`, and its
 * address in `database-url` there. Several processes may use it at once: the first starts it, the others find it
 * running, and the last to leave stops it.
 */
export class EmbeddedPostgres extends Context.Service<
  EmbeddedPostgres,
  {
    /** `postgres://user:password@127.0.0.1:port/database`, of a server that runs for as long as the layer lives. */
    readonly url: Redacted.Redacted
  }
>()("nexus/database/EmbeddedPostgres") {
  static readonly layerWith = (options: ClusterOptions) => Layer.effect(EmbeddedPostgres, make(options))

  static readonly layer = Layer.unwrap(
    Effect.map(nexusHome, (home) =>
      this.layerWith({ home, rootDirectory: "/var/lib/nexus-integrations", settings: {} })
    )
  )
}
