import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule, Schema } from "effect"
import { clientLayer } from "../../../src/database/Database.ts"
import { BenchServer } from "../BenchServer.ts"
import { startProgram } from "../ChildProgram.ts"
import { bodyOf, type Contender } from "../Contender.ts"
import type { Sink } from "../Sink.ts"

const Ready = Schema.Struct({ ready: Schema.Boolean })

/** Starts graphile-worker; its jobs are inserted with its own `add_jobs`. */
export const startGraphileWorker = Effect.fnUntraced(function* (sink: Sink) {
  const name = "graphile-worker"
  const server = yield* BenchServer
  const database = yield* server.create("graphile_worker")
  const args = [database.url, sink.url, name]
  const program = yield* startProgram("test/bench/contenders/GraphileWorkerProgram.ts", args)
  yield* program.receive(Ready)
  const context = yield* Layer.build(clientLayer(Redacted.make(database.producerUrl), 2))
  const sql = Context.get(context, PgClient.PgClient)
  return {
    name,
    pid: program.pid,
    insert: (events) =>
      sql`
        SELECT count(*) FROM graphile_worker.add_jobs((SELECT array_agg(
          ('deliver', payload, null, null, null::int2, null, null::int2, null)::graphile_worker.job_spec
        ) FROM json_array_elements(${JSON.stringify(
          events.map(({ id, webhook, data }) => ({ id, webhook, body: bodyOf(data) }))
        )}::text::json) AS payload))`.pipe(Effect.asVoid, Effect.orDie),
    drained: sql`SELECT FROM graphile_worker._private_jobs LIMIT 1`.pipe(
      Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("20 millis") }),
      Effect.asVoid,
      Effect.orDie
    ),
    statements: server.statements(database),
    tidy: sql`VACUUM (ANALYZE) graphile_worker._private_jobs`.pipe(Effect.asVoid, Effect.orDie)
  } satisfies Contender
})
