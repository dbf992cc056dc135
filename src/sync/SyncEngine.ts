import { Cause, Context, Crypto, Effect, Exit, Fiber, FiberMap, Layer, Option, Schedule } from "effect"
import type { SyncRunId } from "../domain/Ids.ts"
import type { IntegrationRow } from "../integrations/IntegrationRepo.ts"
import { SyncRunner } from "./SyncRunner.ts"
import { leaseSeconds, SyncRunRepo, type SyncRunRow } from "./SyncRunRepo.ts"

/** Runs that one process works on at the same time, beside those that people wait for. */
const mostClaimed = 8

/**
 * The runs of this process: a fiber each, and a lease on all of them that is renewed while they live. A run whose lease
 * lapses is taken over by another process, and goes on from its last checkpoint.
 */
export class SyncEngine extends Context.Service<
  SyncEngine,
  {
    /** Begins a run here. Undefined when the integration has an open one, here or elsewhere. */
    begin(
      row: IntegrationRow,
      run: Pick<SyncRunRow, "trigger" | "isFull" | "isDryRun">
    ): Effect.Effect<SyncRunRow | undefined>
    /** Waits until this process is done with a run, for now or for good. */
    settled(id: SyncRunId): Effect.Effect<void>
    /** Takes runs that nobody works on, as many as there is room for; says how many. */
    readonly takeOver: Effect.Effect<number>
  }
>()("nexus/sync/SyncEngine") {
  static readonly layer = Layer.effect(
    SyncEngine,
    Effect.gen(function* () {
      const runs = yield* SyncRunRepo
      const runner = yield* SyncRunner
      const owner = yield* Effect.orDie((yield* Crypto.Crypto).randomUUIDv7())
      yield* Effect.addFinalizer(() =>
        Effect.catch(runs.release(owner), (error) =>
          Effect.logWarning(`Syncs could not be handed over; others take them in ${leaseSeconds} s: ${error.message}`)
        )
      )
      const fibers = yield* FiberMap.make<SyncRunId, void>()

      const start = (run: SyncRunRow) => FiberMap.run(fibers, run.id, runner.run(run, owner))

      /** Stops what is no longer this process's, or is cancelled. */
      const renew = Effect.gen(function* () {
        if (Array.from(fibers).length === 0) return
        const before = Array.from(fibers, ([id]) => id)
        const ours = yield* runs.renew(owner)
        for (const id of before) {
          if (ours.has(id) || !(yield* FiberMap.has(fibers, id))) continue
          yield* FiberMap.remove(fibers, id)
          yield* runs.finish({ id }, owner, "CANCELLED", { error: null, kind: null })
        }
      })
      yield* renew.pipe(
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.failCause(cause)
            : Effect.logWarning("The syncs of this process could not be renewed; it is tried again", cause)
        ),
        Effect.repeat(Schedule.spaced("2 seconds")),
        Effect.forkScoped
      )

      return SyncEngine.of({
        begin: Effect.fn("SyncEngine.begin")(
          function* (row, run) {
            const begun = yield* runs.begin(row, run, owner)
            if (begun !== undefined) yield* start(begun)
            return begun
          },
          // A run that is in the database has a fiber, also when its caller hangs up in between.
          Effect.uninterruptible,
          Effect.catchTag("SqlError", Effect.die)
        ),
        settled: Effect.fn("SyncEngine.settled")(function* (id) {
          const fiber = yield* FiberMap.get(fibers, id)
          if (Option.isSome(fiber)) yield* Fiber.await(fiber.value).pipe(Effect.map(Exit.asVoid))
        }),
        takeOver: Effect.gen(function* () {
          const room = mostClaimed - Array.from(fibers).length
          if (room <= 0) return 0
          const claimed = yield* runs.claim(owner, room)
          yield* Effect.forEach(claimed, start, { discard: true })
          return claimed.length
        }).pipe(Effect.uninterruptible, Effect.catchTag("SqlError", Effect.die))
      })
    })
  )
}
