/** From the commit of an event to its receipt, beside the least that it can take. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { clientLayer } from "../../src/database/Database.ts"
import { BenchServer } from "./BenchServer.ts"
import { startProgram } from "./ChildProgram.ts"
import { startNexus } from "./contenders/Nexus.ts"
import { latencies, pace } from "./Pace.ts"
import { median, quantile } from "./Quantile.ts"
import { Report } from "./Report.ts"
import type { Sink } from "./Sink.ts"

/** In milliseconds. */
interface Percentiles {
  readonly p50: number
  readonly p99: number
}

const Ready = Schema.Struct({ ready: Schema.Boolean })
const perSecond = 200
const webhooks = 20

/** A bare table whose writer notifies in the same transaction, and a process that POSTs what it hears of. */
const startFloor = Effect.fnUntraced(function* (sink: Sink) {
  const { url, producerUrl } = yield* (yield* BenchServer).create("floor")
  const sql = Context.get(yield* Layer.build(clientLayer(Redacted.make(producerUrl), 20)), PgClient.PgClient)
  yield* sql`CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload json NOT NULL)`
  const program = yield* startProgram("test/bench/FloorProgram.ts", [url, sink.url])
  yield* program.receive(Ready)
  return (index: number) =>
    sql`
      WITH stored AS (INSERT INTO event (payload) VALUES (${`{"index":${index}}`}::text::json))
      SELECT pg_notify('floor', ${String(index)})`.pipe(Effect.asVoid, Effect.orDie)
})

export const latency = Effect.fnUntraced(function* (sink: Sink, seconds: number, rounds: number) {
  const report = yield* Report
  const urls = Array.from({ length: webhooks }, (_, index) => `${sink.url}/nexus/${index}/timed`)
  const nexus = yield* startNexus("nexus_latency", urls)
  const emitters = {
    floor: yield* startFloor(sink),
    nexus: (index: number) => nexus.emit(index % webhooks, index)
  }
  const count = perSecond * seconds

  const measure = Effect.fnUntraced(function* (system: keyof typeof emitters) {
    const allArrived = yield* sink.expect(system, count)
    const begunAt = yield* pace(count, perSecond, emitters[system])
    yield* allArrived
    const millis = latencies(begunAt, yield* sink.takeArrivals)
    return { p50: median(millis), p99: quantile(millis, 0.99) } satisfies Percentiles
  })

  yield* measure("floor")
  yield* measure("nexus")
  const floor: Array<Percentiles> = []
  const own: Array<Percentiles> = []
  for (let round = 0; round < rounds; round++) {
    floor.push(yield* measure("floor"))
    own.push(yield* measure("nexus"))
  }
  const row = (system: string, measured: ReadonlyArray<Percentiles>) => ({
    system,
    "p50 ms": median(measured.map(({ p50 }) => p50)).toFixed(1),
    "p99 ms": median(measured.map(({ p99 }) => p99)).toFixed(1),
    "p50 over floor": median(measured.map(({ p50 }, round) => p50 / (floor[round]?.p50 ?? Number.NaN))).toFixed(2)
  })
  yield* report.table(
    "latency",
    `Latency: commit to receipt at ${perSecond} events/s, median of ${rounds} rounds of ${seconds} s`,
    [row("floor", floor), row("nexus", own)]
  )
})
