import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, FiberMap, Layer, Option, Schedule } from "effect"
import type { SyncRunId } from "../domain/Ids.ts"
import type { IntegrationRow } from "../integrations/IntegrationRepo.ts"
import { SyncPatience } from "./SyncPatience.ts"
import { SyncRunner } from "./SyncRunner.ts"
import { leaseSeconds, type NewRun, SyncRunRepo, type SyncRunRow } from "./SyncRunRepo.ts"

/** Runs that one process works on at the same time, beside those that people wait for. */
const mostInBackground = 8
/** How often leases are renewed, in seconds. */
const renewSeconds = 2

/** A run that this process works on. */
interface Held {
  readonly run: SyncRunRow
  readonly isBackground: boolean
  /** Renewals since it was cancelled. */
  cancelled: number
}

/**
 * The runs of this process: a fiber each, and a lease on each that is renewed while it lives. A run whose lease lapses is
 * taken over by another process, and goes on from its last checkpoint. A process without a worker begins runs, but takes
 * over none: those that are put off need one that has it.
 */
export class SyncEngine extends Context.Service<
  SyncEngine,
  {
    /** Begins a run here. Undefined when the integration has an open one, here or elsewhere. */
    begin(row: IntegrationRow, run: NewRun): Effect.Effect<SyncRunRow | undefined>
    /** Waits until this process is done with a run, for now or for good. */
    settled(id: SyncRunId): Effect.Effect<void>
    /** How many more runs in the background this process has room for. */
    readonly room: Effect.Effect<number>
    /** Takes runs that nobody works on, as many as there is room for; says how many. */
    readonly takeOver: Effect.Effect<number>
  }
>()("nexus/sync/SyncEngine") {
  static readonly layer = Layer.effect(
    SyncEngine,
    Effect.gen(function* () {
      const runs = yield* SyncRunRepo
      const runner = yield* SyncRunner
      const courtesy = Duration.toSeconds((yield* SyncPatience).courtesy)
      const fibers = yield* FiberMap.make<SyncRunId, void>()
      const held = new Map<SyncRunId, Held>()

      const handOver = (run: SyncRunRow) =>
        Effect.catch(runs.release(run), (error) =>
          Effect.logWarning(`A sync could not be handed over; others take it in ${leaseSeconds} s: ${error.message}`)
        )

      // A run may come back to a process whose fiber for it has not ended yet. That one is stopped, and what it still
      // writes comes to nothing: its lease is another.
      const start = Effect.fnUntraced(function* (run: SyncRunRow, isBackground: boolean) {
        const own: Held = { run, isBackground, cancelled: 0 }
        held.set(run.id, own)
        const forget = Effect.sync(() => {
          if (held.get(run.id) === own) held.delete(run.id)
        })
        const work = runner.run(run).pipe(
          Effect.onInterrupt(() => handOver(run)),
          Effect.ensuring(forget)
        )
        yield* FiberMap.run(fibers, run.id, work)
      })

      const stop = Effect.fnUntraced(function* (own: Held) {
        if (held.get(own.run.id) === own) yield* FiberMap.remove(fibers, own.run.id)
      })

      const renew = Effect.gen(function* () {
        const before = Array.from(held.values())
        if (before.length === 0) return
        const renewed = yield* runs.renew(before.flatMap(({ run }) => run.lease ?? []))
        const told = new Map(renewed.map((one) => [one.lease, one]))
        for (const own of before) {
          const ours = own.run.lease === null ? undefined : told.get(own.run.lease)
          if (ours === undefined) yield* stop(own)
          // A file has no batch to account for: what is there of it becomes nothing.
          else if (ours.isCancelled && (own.run.format !== null || ++own.cancelled * renewSeconds > courtesy)) {
            yield* stop(own)
            yield* runs.finish(own.run, "CANCELLED", { error: null, kind: null })
          }
        }
      }).pipe(Effect.timeout(`${leaseSeconds / 3} seconds`))

      let renewedAt = yield* Clock.currentTimeNanos
      // Who could not renew for that long, or stood still itself, may have lost its runs to others, and two senders at
      // once could make contacts twice.
      const stopLapsed = Effect.gen(function* () {
        const seconds = Number((yield* Clock.currentTimeNanos) - renewedAt) / 1e9
        if (seconds > leaseSeconds - renewSeconds) yield* FiberMap.clear(fibers)
      })
      const keep = Effect.gen(function* () {
        yield* stopLapsed
        const now = yield* Clock.currentTimeNanos
        yield* renew
        renewedAt = now
      })
      yield* keep.pipe(
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.failCause(cause)
            : Effect.andThen(
                Effect.logWarning("The syncs of this process could not be renewed; it is tried again", cause),
                stopLapsed
              )
        ),
        Effect.repeat(Schedule.spaced(`${renewSeconds} seconds`)),
        Effect.forkScoped
      )

      const room = Effect.sync(
        () => mostInBackground - Array.from(held.values()).filter(({ isBackground }) => isBackground).length
      )

      return SyncEngine.of({
        begin: Effect.fn("SyncEngine.begin")(
          function* (row, run) {
            const begun = yield* runs.begin(row, run)
            if (begun !== undefined) yield* start(begun, run.trigger === "automatic")
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
        room,
        takeOver: Effect.gen(function* () {
          const most = yield* room
          if (most <= 0) return 0
          const claimed = yield* runs.claim(most)
          yield* Effect.forEach(claimed, (run) => start(run, true), { discard: true })
          return claimed.length
        }).pipe(Effect.uninterruptible, Effect.catchTag("SqlError", Effect.die))
      })
    })
  )
}
