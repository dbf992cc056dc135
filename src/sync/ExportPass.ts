/** One pass of a run that makes a file of a user's contacts at a provider. */
import { DateTime, Effect, Redacted, type Scope, Stream } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { ContactExport, exportName } from "../contacts/ContactExport.ts"
import { makeSpool } from "../files/Spool.ts"
import { makeUploading } from "../files/Uploading.ts"
import type { SessionFiles } from "../plugin/Files.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { Vault } from "../vault/Vault.ts"
import { ExportRepo } from "./ExportRepo.ts"
import type { ProviderCalls } from "./ProviderCalls.ts"
import type { SyncRunRow } from "./SyncRunRepo.ts"

const mimeTypes = { csv: "text/csv", json: "application/json" }

/** The place of an upload's state in the vault. */
const uploadPlace = ({ id, userId, provider }: SyncRunRow) => ({
  table: "sync_run",
  row: id,
  user: userId,
  provider,
  field: "upload"
})

/**
 * Makes the pass of an export. The contacts are written to a temporary file first, of which any part can be sent again;
 * the name has the time at which the run began, so that it is the same in whatever process goes on with it. `stopped`
 * when the run is another process's by now.
 */
export const makeExportPass = Effect.gen(function* () {
  const runs = yield* ExportRepo
  const exports = yield* ContactExport
  const vault = yield* Vault
  const spool = yield* makeSpool
  const upload = yield* makeUploading

  return Effect.fn("ExportPass")(function* (
    run: SyncRunRow,
    files: SessionFiles,
    { call }: ProviderCalls
  ): Effect.fn.Return<"done" | "stopped", SqlError | ProviderError, Scope.Scope> {
    const format = run.format ?? "csv"
    if (run.isDryRun) {
      return (yield* runs.stored(run, null, yield* exports.count(run.userId))) ? "done" : "stopped"
    }
    let contacts = 0
    const onProgress = (done: number) =>
      Effect.sync(() => {
        contacts = done
      })
    const file = yield* spool(Stream.encodeText(exports[format](run.userId, { onProgress })), {
      name: exportName(DateTime.fromDateUnsafe(run.startedAt), format),
      mimeType: mimeTypes[format]
    })
    const state = run.upload === null ? null : yield* Effect.option(vault.open(run.upload, uploadPlace(run)))
    const keep = (next: string) =>
      vault.seal(Redacted.make(next), uploadPlace(run)).pipe(
        Effect.flatMap((sealed) => runs.keepUpload(run, sealed)),
        Effect.orDie
      )
    const stored = yield* call(
      upload(files, file, { state: state?._tag === "Some" ? Redacted.value(state.value) : null, keep })
    )
    return (yield* runs.stored(run, stored, contacts)) ? "done" : "stopped"
  }, Effect.scoped)
})
