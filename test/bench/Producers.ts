/** What the outbox costs those who write into it: their commit rate with the wake-up trigger and without. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { clientLayer } from "../../src/database/Database.ts"
import { BenchServer } from "./BenchServer.ts"
import { startProgram } from "./ChildProgram.ts"
import { createMigrated, startNexus } from "./contenders/Nexus.ts"
import { median } from "./Quantile.ts"
import { Report } from "./Report.ts"
import type { WritersOrder } from "./WritersProgram.ts"

const Written = Schema.Struct({ commitsPerSecond: Schema.Number })

const loads = [0.05, 0.5, 1]

/** With the trigger, and without: then the dispatcher has only its poll. In every second round the other way round. */
const bothWays = (round: number) => (round % 2 === 0 ? [true, false] : [false, true])

const setTrigger = (sql: PgClient.PgClient, enabled: boolean) =>
  enabled
    ? sql`ALTER TABLE nexus.outbox ENABLE TRIGGER wake_dispatcher`
    : sql`ALTER TABLE nexus.outbox DISABLE TRIGGER wake_dispatcher`

/**
 * Single-row commits. Nobody subscribes to the events, so the dispatcher consumes them as fast as it can and sleeps as
 * often as it can, which is what makes producers notify.
 */
export const producers = Effect.fnUntraced(function* (seconds: number, rounds: number) {
  const report = yield* Report
  const nexus = yield* startNexus("nexus_producers", [])
  const program = yield* startProgram("test/bench/WritersProgram.ts", [nexus.producerUrl])

  const rate = Effect.fnUntraced(function* (order: WritersOrder, trigger: boolean) {
    yield* nexus.drained
    yield* setTrigger(nexus.sql, trigger)
    yield* program.send(order)
    return (yield* program.receive(Written)).commitsPerSecond
  })

  const rows = []
  for (const writers of [8, 32]) {
    const most = yield* rate({ writers, seconds, perSecond: 0 }, false)
    for (const load of loads) {
      const order = { writers, seconds, perSecond: load === 1 ? 0 : most * load }
      const rates: Record<string, Array<number>> = { true: [], false: [] }
      for (let round = 0; round < rounds; round++) {
        for (const trigger of bothWays(round)) rates[String(trigger)]?.push(yield* rate(order, trigger))
      }
      const [on = [], off = []] = [rates.true, rates.false]
      rows.push({
        writers,
        load: `${load * 100}%`,
        "commits/s": Math.round(median(on)),
        "without trigger": Math.round(median(off)),
        ratio: median(on.map((value, round) => value / (off[round] ?? Number.NaN))).toFixed(2)
      })
    }
  }
  yield* report.table("producers", `Producers: single-row commits, median of ${rounds} rounds of ${seconds} s`, rows)
})

/** One statement that inserts many rows, with the trigger armed as a sleeping dispatcher leaves it. */
export const bulk = Effect.fnUntraced(function* (rowCount: number, rounds: number) {
  const report = yield* Report
  const server = yield* BenchServer
  const { producerUrl } = yield* createMigrated("nexus_bulk")
  const sql = Context.get(yield* Layer.build(clientLayer(Redacted.make(producerUrl), 1)), PgClient.PgClient)

  const insert = Effect.fnUntraced(function* (trigger: boolean) {
    yield* setTrigger(sql, trigger)
    yield* sql`TRUNCATE nexus.outbox`
    yield* sql`SELECT setval('nexus.sleeper', 2)`
    yield* server.settle
    const begin = performance.now()
    yield* sql`
      INSERT INTO nexus.outbox (user_id, event_type, payload)
      SELECT 'user-' || i % 100, 'CARD_VIEW', json_build_object('cardId', i) FROM generate_series(1, ${rowCount}::int) AS i`
    return performance.now() - begin
  })

  yield* insert(true)
  const millis: Record<string, Array<number>> = { true: [], false: [] }
  for (let round = 0; round < rounds; round++) {
    for (const trigger of bothWays(round)) millis[String(trigger)]?.push(yield* insert(trigger))
  }
  const [on = [], off = []] = [millis.true, millis.false]
  yield* report.table("bulk", `Producers: one INSERT of ${rowCount} rows, median of ${rounds} rounds`, [
    {
      rows: rowCount,
      "ms with trigger": Math.round(median(on)),
      "ms without": Math.round(median(off)),
      ratio: median(on.map((value, round) => value / (off[round] ?? Number.NaN))).toFixed(2)
    }
  ])
})
