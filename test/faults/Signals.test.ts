import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Random, Schedule } from "effect"
import { DispatchingLayer } from "../support/Dispatching.ts"
import { startLoad } from "../support/Load.ts"
import { startDispatcher } from "../support/ServiceProcess.ts"
import { rounds, seeded } from "./Rounds.ts"

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("SIGTERM under load", (it) => {
  it.effect(
    "sends nothing twice and loses nothing",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const load = yield* startLoad
        let leaving = yield* startDispatcher
        for (let round = yield* rounds(2); round > 0; round--) {
          const staying = yield* startDispatcher
          yield* load.more(yield* Random.nextIntBetween(50, 300))
          yield* leaving.signal("SIGTERM")
          yield* leaving.ended
          const [lease] = yield* sql<{ endReason: string }>`
            SELECT end_reason FROM nexus.dispatcher WHERE pid = ${leaving.pid}`
          assert.deepStrictEqual(lease?.endReason, "stopped")
          leaving = staying
        }
        const { duplicates } = yield* load.settle
        assert.strictEqual(duplicates, 0)
      }).pipe(seeded),
    { timeout: 600_000 }
  )
})

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })(
  "a stopped process that wakes late",
  (it) => {
    it.effect(
      "undoes nothing",
      () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const load = yield* startLoad
          const sleeper = yield* startDispatcher
          yield* startDispatcher
          for (let round = yield* rounds(1); round > 0; round--) {
            yield* load.more(yield* Random.nextIntBetween(50, 300))
            yield* sleeper.signal("SIGSTOP")
            const lapsed = yield* sql<{ readonly id: string }>`
            SELECT id FROM nexus.dispatcher WHERE pid = ${sleeper.pid} AND ended_at IS NULL`
            yield* sql`SELECT FROM nexus.dispatcher WHERE id = ${lapsed[0]?.id}::uuid AND end_reason = 'lapsed'`.pipe(
              Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("50 millis") })
            )
            yield* load.more(100)
            yield* sleeper.signal("SIGCONT")
            // It begins a new lease, and works on under that one.
            yield* sql`SELECT FROM nexus.dispatcher WHERE pid = ${sleeper.pid} AND ended_at IS NULL`.pipe(
              Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("50 millis") })
            )
            yield* load.more(100)
          }
          yield* load.settle
        }),
      { timeout: 600_000 }
    )
  }
)
