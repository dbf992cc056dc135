/** Runs that are held in the middle of a batch, and leases that lapse meanwhile. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { honest, type Script } from "./Scripted.ts"
import { sync } from "./Syncing.ts"

export const manual = { trigger: "manual", isFull: false, isDryRun: false, format: null } as const

/** Holds every batch, from the n-th on, until it is let go. */
export const hold = Effect.fnUntraced(function* (script: Script, from = 1) {
  const arrived = yield* Deferred.make<void>()
  const free = yield* Deferred.make<void>()
  const stopped = yield* Deferred.make<void>()
  let batches = 0
  script.upsert = (batch) =>
    Effect.gen(function* () {
      if (++batches < from) return honest(script, batch)
      yield* Deferred.succeed(arrived, undefined)
      yield* Effect.onInterrupt(Deferred.await(free), () => Deferred.succeed(stopped, undefined))
      return honest(script, batch)
    })
  return {
    arrived: Deferred.await(arrived),
    letGo: Deferred.succeed(free, undefined),
    stopped: Deferred.await(stopped)
  }
})

/** Starts a sync, and goes on beside it. */
export const startNow = Effect.fnUntraced(function* (userId: string) {
  return yield* Effect.forkScoped(Effect.result(sync(userId, "ACME")), { startImmediately: true })
})

/** Makes the lease of a run lapse, as if its process had not been heard of. */
export const lapse = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`UPDATE nexus.sync_run SET leased_until = now() - interval '1 second' WHERE user_id = ${userId} AND state = 'RUNNING'`
})

/** Whether the counts of a run add up: each contact in exactly one. */
export const addsUp = (run: {
  readonly total: number
  readonly contactsSynced: number
  readonly rejected: number
  readonly pending: number
  readonly unconfirmed: number
}) => assert.strictEqual(run.contactsSynced + run.rejected + run.pending + run.unconfirmed, run.total)
