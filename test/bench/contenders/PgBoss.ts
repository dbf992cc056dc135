import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule, Schema } from "effect"
import { PgBoss } from "pg-boss"
import { clientLayer } from "../../../src/database/Database.ts"
import { BenchServer } from "../BenchServer.ts"
import { startProgram } from "../ChildProgram.ts"
import { bodyOf, type Contender } from "../Contender.ts"
import type { Sink } from "../Sink.ts"

const Ready = Schema.Struct({ ready: Schema.Boolean })

/** Starts pg-boss's worker, and a pg-boss here that only inserts. */
export const startPgBoss = Effect.fnUntraced(function* (sink: Sink) {
  const name = "pg-boss"
  const server = yield* BenchServer
  const database = yield* server.create("pg_boss")
  const args = [database.url, sink.url, name]
  const program = yield* startProgram("test/bench/contenders/PgBossProgram.ts", args)
  yield* program.receive(Ready)
  const context = yield* Layer.build(clientLayer(Redacted.make(database.producerUrl), 2))
  const sql = Context.get(context, PgClient.PgClient)
  const boss = yield* Effect.acquireRelease(
    Effect.promise(() =>
      new PgBoss({
        connectionString: database.producerUrl,
        max: 2,
        supervise: false,
        schedule: false,
        migrate: false
      }).start()
    ),
    (started) => Effect.promise(() => started.stop({ graceful: false }))
  )
  return {
    name,
    pid: program.pid,
    insert: (events) =>
      Effect.promise(() =>
        boss.insert(
          "deliver",
          events.map(({ id, webhook, data }) => ({ data: { id, webhook, body: bodyOf(data) } }))
        )
      ),
    drained: sql`SELECT FROM pgboss.job WHERE name = 'deliver' AND state < 'completed' LIMIT 1`.pipe(
      Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("20 millis") }),
      Effect.asVoid,
      Effect.orDie
    ),
    statements: server.statements(database),
    tidy: Effect.promise(() => boss.deleteAllJobs("deliver")).pipe(
      Effect.andThen(sql`VACUUM (ANALYZE) pgboss.job_common`),
      Effect.asVoid,
      Effect.orDie
    )
  } satisfies Contender
})
