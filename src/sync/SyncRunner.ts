import { Cause, Context, DateTime, Duration, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { SpoolFailed } from "../files/Spool.ts"
import { Checks } from "../integrations/Checks.ts"
import { Connections } from "../integrations/Connections.ts"
import { IntegrationRepo, type IntegrationRow } from "../integrations/IntegrationRepo.ts"
import { passes } from "../integrations/Troubles.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { SessionContacts } from "../plugin/Provider.ts"
import { misconfigured, type ProviderError } from "../plugin/ProviderError.ts"
import { makeExportPass } from "./ExportPass.ts"
import { mappingOf } from "./Mapping.ts"
import { makeProviderCalls } from "./ProviderCalls.ts"
import { makeSyncPass, type PassEnd } from "./SyncPass.ts"
import { pollAfter, retryAfter, SyncPatience } from "./SyncPatience.ts"
import { SyncRunRepo, type SyncRunRow } from "./SyncRunRepo.ts"

const nothing = { error: null, kind: null }

/** Works on a run that belongs to this process, until it is over or has to wait. */
export class SyncRunner extends Context.Service<
  SyncRunner,
  {
    /** Never fails: whatever happens is noted at the run, or another process goes on with it. */
    run(run: SyncRunRow): Effect.Effect<void>
  }
>()("nexus/sync/SyncRunner") {
  static readonly layer = Layer.effect(
    SyncRunner,
    Effect.gen(function* () {
      const runs = yield* SyncRunRepo
      const integrations = yield* IntegrationRepo
      const registry = yield* PluginRegistry
      const connections = yield* Connections
      const checks = yield* Checks
      const calls = yield* makeProviderCalls
      const pass = yield* makeSyncPass
      const exportPass = yield* makeExportPass
      const patience = yield* SyncPatience

      /** A mapping of the user's own may aim at fields that are gone since it was made. */
      const checkMapping = Effect.fnUntraced(function* (row: IntegrationRow) {
        if (typeof row.settings.fieldMapping !== "object" || row.settings.fieldMapping === null) return
        const provider = yield* Effect.orDie(registry.get(row.provider))
        const names = new Set((yield* calls.call(connections.fields(row))).map(({ name }) => name))
        const missing = Object.values(mappingOf(provider, row.settings)).filter((name) => !names.has(name))
        if (missing.length === 0) return
        return yield* misconfigured(
          `it has no field ${missing.join(", ")}, which the field mapping of this integration names`
        )
      })

      /** Brings contacts one by one. */
      const passContacts = Effect.fnUntraced(function* (
        run: SyncRunRow,
        row: IntegrationRow,
        contacts: SessionContacts
      ): Effect.fn.Return<PassEnd, SqlError | ProviderError> {
        const provider = yield* Effect.orDie(registry.get(row.provider))
        yield* checkMapping(row)
        const isLate = run.age > Duration.toSeconds(patience.longestJob)
        const longestDoubt = Duration.toSeconds(patience.longestDoubt)
        const fields = run.isDryRun ? yield* calls.call(connections.fields(row)) : []
        const required = new Set(fields.filter((field) => field.required).map(({ name }) => name))
        return yield* pass({ run, row, provider, contacts, calls, required, isLate, longestDoubt })
      })

      const work = Effect.fnUntraced(function* (run: SyncRunRow, row: IntegrationRow) {
        const { contacts, files } = yield* connections.session(row)
        const onward =
          run.format === null ? contacts && passContacts(run, row, contacts) : files && exportPass(run, files, calls)
        // The plugin could do that when the run began.
        if (onward === undefined) return yield* runs.finish(run, "CANCELLED", nothing)
        const end = yield* onward
        if (end === "stopped") return yield* runs.finish(run, "CANCELLED", nothing)
        if (end === "open") return yield* runs.wait(run, pollAfter(run.waits), nothing)
        yield* runs.finish(run, "COMPLETED", nothing)
        if (row.status === "ERROR" && !run.isDryRun) yield* integrations.healthy(row, null)
      }, Effect.scoped)

      /** Puts a run off when its provider may work again, and ends it otherwise. */
      const troubled = Effect.fnUntraced(function* (run: SyncRunRow, row: IntegrationRow, error: ProviderError) {
        const { kind, sentence } = yield* checks.failed(row, error)
        const stop = { error: sentence, kind }
        if (!passes(kind) || run.troubles >= patience.mostWaits || run.isDryRun) {
          return yield* runs.finish(run, "FAILED", stop)
        }
        const seconds = Math.min(yield* waitFor(error, run.troubles), Duration.toSeconds(patience.longestWait))
        yield* runs.wait(run, seconds, stop)
      })

      /** Another process may have a disk that works, or this one later. The integration is not to blame. */
      const withoutDisk = (run: SyncRunRow, { message }: SpoolFailed) => {
        const stop = { error: message, kind: "Unavailable" } as const
        return run.troubles >= patience.mostWaits
          ? runs.finish(run, "FAILED", stop)
          : runs.wait(run, retryAfter(run.troubles), stop)
      }

      return SyncRunner.of({
        run: Effect.fn("SyncRunner.run")(
          function* (run) {
            const row = yield* integrations.byId(run.integrationId)
            if (row === undefined || row.status === "INACTIVE" || run.isCancelled) {
              return yield* runs.finish(run, "CANCELLED", nothing)
            }
            // Whatever it is that ends every process that takes it, or every checkpoint.
            if (run.troubles > patience.mostWaits) return yield* failed(run, new Error("The sync does not get on"))
            yield* work(run, row).pipe(
              Effect.catchTag("ProviderError", (error) => troubled(run, row, error)),
              Effect.catchTag("SpoolFailed", (error) => withoutDisk(run, error)),
              Effect.catchDefect((defect) => failed(run, defect))
            )
          },
          Effect.catchTag("SqlError", (error) =>
            // Its lease lapses, and whoever takes it goes on from the last checkpoint.
            Effect.logWarning(
              `A sync stands still until another process takes it, because the database failed: ${error.message}`
            )
          ),
          Effect.catchDefect((defect) =>
            Effect.logError("A sync stands still, because its end could not be written down", Cause.die(defect))
          ),
          (effect, run) => Effect.annotateLogs(effect, { syncRunId: run.id, provider: run.provider })
        )
      })

      function failed(run: SyncRunRow, defect: unknown): Effect.Effect<void, SqlError> {
        const error = "Something went wrong on our side. Start the sync again; if it fails again, report its id"
        return Effect.andThen(
          Effect.logError("A sync failed for a reason of our own", Cause.die(defect)),
          runs.finish(run, "FAILED", { error, kind: null })
        )
      }
    })
  )
}

/** Seconds until a provider is tried again: when it says, or less and less often. */
const waitFor = Effect.fnUntraced(function* ({ reason }: ProviderError, troubles: number) {
  const until = reason._tag === "RateLimited" || reason._tag === "QuotaExhausted" ? reason.until : null
  if (until !== null) return Math.max(1, Duration.toSeconds(DateTime.distance(yield* DateTime.now, until)))
  return reason._tag === "QuotaExhausted" ? 3600 : retryAfter(troubles)
})
