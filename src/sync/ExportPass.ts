/** One pass of a run that makes a file of a user's contacts at a provider. */
import { DateTime, Deferred, Effect, Option, Redacted, Schema, type Scope, Stream } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { ContactExport, exportName } from "../contacts/ContactExport.ts"
import { makeSpool, type SpoolFailed } from "../files/Spool.ts"
import { makeUploading } from "../files/Uploading.ts"
import type { OutgoingFile, SessionFiles } from "../plugin/Files.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { Vault } from "../vault/Vault.ts"
import { ExportRepo } from "./ExportRepo.ts"
import type { ProviderCalls } from "./ProviderCalls.ts"
import type { SyncRunRow } from "./SyncRunRepo.ts"

const mimeTypes = { csv: "text/csv", json: "application/json" }

/** What is kept of an upload. */
const Kept = Schema.fromJsonString(
  Schema.Struct({
    /** What the plugin kept. */
    state: Schema.String,
    /**
     * How many contacts are in the files that were on their way, by their sizes: after a crash the contacts are others,
     * and the file that turns out to be there may be the one from before.
     */
    files: Schema.Array(Schema.Struct({ size: Schema.Int, contacts: Schema.Int }))
  })
)
const decodeKept = Schema.decodeOption(Kept)
const encodeKept = Schema.encodeSync(Kept)

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

  /** What a process before kept; nothing when it can't be read any more. */
  const opened = Effect.fnUntraced(function* (run: SyncRunRow) {
    if (run.upload === null) return Option.none<typeof Kept.Type>()
    const text = yield* Effect.option(vault.open(run.upload, uploadPlace(run)))
    return Option.flatMap(text, (text) => decodeKept(Redacted.value(text)))
  })

  return Effect.fn("ExportPass")(function* (
    run: SyncRunRow,
    files: SessionFiles,
    { unhurried }: ProviderCalls
  ): Effect.fn.Return<"done" | "stopped", SqlError | ProviderError | SpoolFailed, Scope.Scope> {
    // Its process died after the file was there and written down, and before the run was.
    if (run.file !== null) return "done"
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
    const before = Option.getOrUndefined(yield* opened(run))
    const others = before?.files.filter(({ size }) => size !== file.size) ?? []
    let state = before?.state ?? null
    const lost = yield* Deferred.make<null>()
    // Who has lost the run while it stood still makes no file beside its heir's, and no byte of a run that was cancelled,
    // or whose user was forgotten, goes on its way.
    const orStop = (isHeld: boolean) =>
      isHeld ? Effect.void : Effect.andThen(Deferred.succeed(lost, null), Effect.never)
    const keep = Effect.fnUntraced(function* (next: string) {
      state = next
      const kept = encodeKept({ state, files: [...others, { size: file.size, contacts }] })
      const sealed = yield* vault.seal(Redacted.make(kept), uploadPlace(run))
      yield* orStop(yield* runs.keepUpload(run, sealed))
    }, Effect.orDie)
    const guarded: OutgoingFile = {
      ...file,
      read: (range) => runs.holds(run).pipe(Effect.orDie, Effect.flatMap(orStop), Effect.andThen(file.read(range)))
    }
    // A call that is made again goes on with what was kept by then.
    const uploaded = unhurried(Effect.suspend(() => upload(files, guarded, { state, keep })))
    const stored = yield* Effect.raceFirst(uploaded, Deferred.await(lost))
    if (stored === null) return "stopped"
    const inFile = others.find(({ size }) => size === stored.size)?.contacts ?? contacts
    return (yield* runs.stored(run, stored, inFile)) ? "done" : "stopped"
  }, Effect.scoped)
})
