/**
 * Writers that commit rows into `nexus.outbox`, one by one, on a connection each: `WritersProgram.ts <database url>`. An
 * order says how many there are, for how long, and how many commits a second they make together (0: all they can).
 */
import process from "node:process"
import { NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Queue, Redacted } from "effect"
import { clientLayer } from "../../src/database/Database.ts"

export interface WritersOrder {
  readonly writers: number
  readonly seconds: number
  readonly perSecond: number
}

const payload = JSON.stringify({ cardId: "card-123", viewerId: "user-456", location: "New York, US", device: "mobile" })

const run = Effect.fnUntraced(function* ({ writers, seconds, perSecond }: WritersOrder) {
  const sql = yield* PgClient.PgClient
  const begin = performance.now()
  let commits = 0
  const writer = Effect.fnUntraced(function* (index: number) {
    const interval = perSecond === 0 ? 0 : (writers / perSecond) * 1000
    let due = begin + (index / writers) * interval
    while (performance.now() - begin < seconds * 1000) {
      const wait = due - performance.now()
      due += interval
      if (wait > 0) yield* Effect.sleep(wait)
      yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES ('nobody', 'CARD_VIEW', ${payload}::text::json)`
      commits++
    }
  })
  yield* Effect.forEach(Array.from({ length: writers }).keys(), writer, { concurrency: "unbounded", discard: true })
  process.send?.({ commitsPerSecond: (commits / (performance.now() - begin)) * 1000 })
})

const program = Effect.gen(function* () {
  const orders = yield* Queue.unbounded<WritersOrder>()
  process.on("message", (order: WritersOrder) => Queue.offerUnsafe(orders, order))
  return yield* Queue.take(orders).pipe(Effect.flatMap(run), Effect.forever)
})

NodeRuntime.runMain(program.pipe(Effect.provide(clientLayer(Redacted.make(process.argv[2] ?? ""), 32))))
