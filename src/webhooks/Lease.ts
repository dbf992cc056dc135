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

/** How often a lease is renewed, and how often its holder looks for peers that have lapsed: 5.5 seconds at most after. */
const renewEvery = "1500 millis"
const lookEvery = "500 millis"

/** Begins a lease and keeps it; whoever holds one also takes over from peers that have lapsed. */
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
    if (yield* repo.renew(id)) until = asked + LeaseRepo.lapsesAfterMillis
    else yield* Deferred.succeed(lapsed, undefined)
  }).pipe(Effect.catchTag("SqlError", (error) => Effect.logWarning(`The lease could not be renewed: ${error.message}`)))

  const takeOver = Effect.gen(function* () {
    const freed = yield* repo.takeOver(id)
    if (freed > 0) yield* Effect.logWarning(`Took over ${freed} deliveries from dispatchers whose leases had lapsed`)
  }).pipe(Effect.catchTag("SqlError", (error) => Effect.logDebug(`Could not look for lapsed leases: ${error.message}`)))

  yield* renew.pipe(Effect.repeat(Schedule.spaced(renewEvery)), Effect.forkScoped)
  yield* takeOver.pipe(Effect.repeat(Schedule.spaced(lookEvery)), Effect.forkScoped)
  return { id, holds: () => now() < until, lapsed: Deferred.await(lapsed) } satisfies Lease
})
