import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Random, Schedule } from "effect"
import { DispatchingLayer } from "../support/Dispatching.ts"
import { startLoad } from "../support/Load.ts"
import { startDispatcher } from "../support/ServiceProcess.ts"
import { rounds, seeded } from "./Rounds.ts"

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("kill -9 of a dispatcher", (it) => {
  it.effect(
    "loses nothing, and its peer takes over only after its lease has lapsed",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const load = yield* startLoad
        let victim = yield* startDispatcher
        let survivor = yield* startDispatcher
        const killed: Array<number> = []
        for (let round = yield* rounds(2); round > 0; round--) {
          yield* load.more(yield* Random.nextIntBetween(50, 300))
          yield* victim.signal("SIGKILL")
          killed.push(victim.pid)
          yield* sql`SELECT FROM nexus.dispatcher WHERE pid = ${victim.pid} AND ended_at IS NULL`.pipe(
            Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("50 millis") })
          )
          const replacement = yield* startDispatcher
          victim = survivor
          survivor = replacement
        }
        const { committed, duplicates } = yield* load.settle
        yield* Effect.logInfo(`${committed} events, ${killed.length} kills, ${duplicates} duplicates`)

        const leases = yield* sql<{ pid: number; endReason: string; lapsed: boolean; known: boolean }>`
          SELECT lease.pid, lease.end_reason, lease.ended_at - lease.heartbeat_at >= interval '5 seconds' AS lapsed,
            taker.started_at < lease.ended_at AS known
          FROM nexus.dispatcher AS lease JOIN nexus.dispatcher AS taker ON taker.id = lease.taken_over_by
          WHERE lease.end_reason = 'lapsed' ORDER BY lease.ended_at`
        assert.deepStrictEqual(
          leases.map((lease) => ({ ...lease })),
          killed.map((pid) => ({ pid, endReason: "lapsed", lapsed: true, known: true }))
        )
        // What the dead held was sent by others only after the takeover.
        const early = yield* sql`
          SELECT attempt.id FROM nexus.attempt JOIN nexus.dispatcher AS dead ON dead.id = attempt.dispatcher_id
          WHERE dead.end_reason = 'lapsed' AND attempt.started_at > dead.ended_at`
        assert.deepStrictEqual(early, [])
      }).pipe(seeded),
    { timeout: 600_000 }
  )
})
