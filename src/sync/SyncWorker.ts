import { Cause, Effect, Layer, Schedule } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { retention } from "../database/PartitionsRepo.ts"
import type { IntegrationId } from "../domain/Ids.ts"
import { IntegrationRepo } from "../integrations/IntegrationRepo.ts"
import { AutoSyncRepo } from "./AutoSyncRepo.ts"
import { SyncEngine } from "./SyncEngine.ts"
import { SyncRunRepo } from "./SyncRunRepo.ts"

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

    const persist = <A, E>(work: Effect.Effect<A, E>, what: string) =>
      Effect.catchCause(Effect.asVoid(work), (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.failCause(cause)
          : Effect.logWarning(`${what} failed; it is tried again`, cause)
      )

    const begin = Effect.fnUntraced(function* (id: IntegrationId, isExport: boolean) {
      const row = yield* integrations.byId(id)
      if (row === undefined) return
      const format = isExport ? (row.settings.exportFormat === "json" ? "json" : "csv") : null
      yield* engine.begin(row, { trigger: "automatic", isFull: false, isDryRun: false, format })
    })
    const beginDue = Effect.fnUntraced(function* (
      due: (limit: number) => Effect.Effect<ReadonlyArray<IntegrationId>, SqlError>,
      isExport: boolean
    ) {
      const room = yield* engine.room
      if (room <= 0) return
      const what = isExport ? "A scheduled export" : "An automatic sync"
      yield* Effect.forEach(
        yield* due(room),
        (id) => persist(begin(id, isExport), `${what} of the integration ${id}`),
        { discard: true }
      )
    })

    // None of them keeps the others from their work.
    const look = Effect.gen(function* () {
      yield* persist(engine.takeOver, "A look for syncs that nobody works on")
      yield* persist(automatic.gather, "A look for contacts that changed")
      yield* persist(beginDue(automatic.due, false), "A look for automatic syncs")
      yield* persist(beginDue(automatic.dueExports, true), "A look for scheduled exports")
    })
    const forgetOld = runs.forget(days).pipe(Effect.repeat({ while: (forgotten) => forgotten > 0 }))

    yield* look.pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)
    yield* persist(forgetOld, "Forgetting old syncs").pipe(Effect.repeat(Schedule.spaced("1 hour")), Effect.forkScoped)
  })
)
