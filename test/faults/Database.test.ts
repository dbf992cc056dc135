import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Path, Schedule } from "effect"
import { type Cluster, openCluster } from "../../src/database/Cluster.ts"
import { clientLayer } from "../../src/database/Database.ts"
import { EmbeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { readLockFile } from "../../src/database/Postmaster.ts"
import { TestDatabase } from "../support/Database.ts"
import { DispatchingLayerNoDatabase } from "../support/Dispatching.ts"
import { startLoad } from "../support/Load.ts"
import { startDispatcher } from "../support/ServiceProcess.ts"
import { rounds } from "./Rounds.ts"

/** The server of this file, which no other test minds to see restarted. */
class Restartable extends Context.Service<Restartable, Cluster>()("nexus/test/Restartable") {}

const OwnServer = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-restart-" })
    yield* fs.chmod(directory, 0o711)
    const options = { home: path.join(directory, "home"), rootDirectory: path.join(directory, "root"), settings: {} }
    const { url } = Context.get(yield* Layer.build(EmbeddedPostgres.layerWith(options)), EmbeddedPostgres)
    const client = clientLayer(url)
    yield* Effect.provide(migrate, client)
    return Layer.mergeAll(
      client,
      Layer.succeed(TestDatabase, { url, name: "nexus" }),
      Layer.effect(Restartable, openCluster(options))
    )
  })
).pipe(Layer.provide(NodeServices.layer))

const TestLayer = DispatchingLayerNoDatabase.pipe(Layer.provideMerge(OwnServer))

layer(TestLayer, { excludeTestServices: true, timeout: "120 seconds" })("a database that goes away", (it) => {
  it.effect(
    "is waited for: after a restart nothing is lost",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Restartable
        const load = yield* startLoad
        yield* startDispatcher
        for (let round = yield* rounds(1); round > 0; round--) {
          yield* load.more(200)
          // A fast shutdown. Its owner starts it again, so quickly that pg_ctl might not see it gone.
          const lock = yield* readLockFile(cluster)
          if (lock === undefined) return assert.fail("no server runs")
          process.kill(lock.pid, "SIGINT")
          yield* readLockFile(cluster).pipe(
            Effect.repeat({
              until: (next) => next !== undefined && next.pid !== lock.pid,
              schedule: Schedule.spaced("20 millis")
            })
          )
          yield* load.more(200)
        }
        yield* load.settle
      }),
    { timeout: 600_000 }
  )

  it.effect(
    "may end every session, or the one that listens, at any moment",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const load = yield* startLoad
        yield* startDispatcher
        for (let round = yield* rounds(3); round > 0; round--) {
          yield* load.more(100)
          yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()`
          yield* load.more(100)
          yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'`.pipe(
            Effect.retry({ times: 20, schedule: Schedule.spaced("50 millis") })
          )
        }
        yield* load.settle
      }),
    { timeout: 600_000 }
  )
})
