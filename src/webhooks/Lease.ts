/** A dispatcher's lease: what lets a process claim, and tells it when it no longer may. */
import { hostname } from "node:os"
import { pid } from "node:process"
import { Clock, Deferred, Effect, Schedule } from "effect"
import type { DispatcherId } from "../domain/Ids.ts"
import { LeaseRepo } from "./LeaseRepo.ts"

export interface Lease {
  readonly id: DispatcherId
  /**
   * Whether the lease still holds, by this process's own monotonic clock, counted from before the last renewal was
   * asked for. Once false, peers may have taken over: nothing more may be sent under it.
   */
  readonly holds: () => boolean
  /** Ends when the database says that the lease has lapsed. */
  readonly lapsed: Effect.Effect<void>
}

/** Begins a lease and renews it every 1.5 seconds; whoever renews also takes over from peers that don't. */
export const makeLease = Effect.gen(function* () {
  const repo = yield* LeaseRepo
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const host = yield* Effect.sync(hostname)

  let until = now() + LeaseRepo.lapsesAfterMillis
  const id = yield* repo.begin(host, pid)
  const lapsed = yield* Deferred.make<void>()

  const renew = Effect.gen(function* () {
    const asked = now()
    if (!(yield* repo.renew(id))) return yield* Deferred.succeed(lapsed, undefined)
    until = asked + LeaseRepo.lapsesAfterMillis
    const freed = yield* repo.takeOver(id)
    if (freed > 0) yield* Effect.logWarning(`Took over ${freed} deliveries of a dispatcher whose lease had lapsed`)
  }).pipe(Effect.catchTag("SqlError", (error) => Effect.logWarning(`The lease could not be renewed: ${error.message}`)))

  yield* renew.pipe(Effect.repeat(Schedule.spaced("1500 millis")), Effect.forkScoped)
  return { id, holds: () => now() < until, lapsed: Deferred.await(lapsed) } satisfies Lease
})
