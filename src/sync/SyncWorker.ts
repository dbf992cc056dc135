import { Cause, Effect, Layer, Schedule } from "effect"
import { retention } from "../database/PartitionsRepo.ts"
import { IntegrationRepo } from "../integrations/IntegrationRepo.ts"
import { AutoSyncRepo } from "./AutoSyncRepo.ts"
import { SyncEngine } from "./SyncEngine.ts"
import { SyncRunRepo } from "./SyncRunRepo.ts"

/** Automatic syncs that are begun in one look. */
const atOnce = 8

/**
 * Looks once a second for what there is to sync: runs that wait no longer or lost their process, and contacts that
 * changed. Every process that sends runs one; they share the work by the rows that they lock.
 */
export const SyncWorkerLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const engine = yield* SyncEngine
    const automatic = yield* AutoSyncRepo
    const integrations = yield* IntegrationRepo
    const runs = yield* SyncRunRepo
    const days = yield* retention

    const beginDue = Effect.gen(function* () {
      for (const id of yield* automatic.due(atOnce)) {
        const row = yield* integrations.byId(id)
        if (row === undefined) continue
        yield* engine.begin(row, { trigger: "automatic", isFull: false, isDryRun: false })
      }
    })

    const look = Effect.gen(function* () {
      yield* engine.takeOver
      yield* automatic.gather
      yield* beginDue
    })

    const persist = <A, E>(work: Effect.Effect<A, E>, what: string) =>
      Effect.catchCause(work, (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.failCause(cause)
          : Effect.logWarning(`${what} failed; it is tried again`, cause)
      )

    yield* persist(look, "A look for syncs").pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)
    yield* persist(runs.forget(days), "Forgetting old syncs").pipe(
      Effect.repeat(Schedule.spaced("1 hour")),
      Effect.forkScoped
    )
  })
)
