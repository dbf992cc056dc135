import { Context, Data, Effect, FileSystem, Layer, type PlatformError, Semaphore, Stream } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { InvalidCsv } from "../domain/ContactErrors.ts"
import { ContactImportResult } from "../domain/ContactImportResult.ts"
import { type BatchCounts, ContactRepo } from "./ContactRepo.ts"
import { ContactSheet } from "./ContactSheet.ts"
import { readRows } from "./CsvRows.ts"

/** How a file is read. */
export interface ImportOptions {
  /** Whether new contacts send CONTACT_CREATED. */
  readonly emit: boolean
  /** Whether to find out only what would happen. */
  readonly dryRun: boolean
  /** Told after each batch how many rows are read. */
  readonly onProgress?: (rows: number) => Effect.Effect<void>
}

/** How many contacts are written with one statement. */
const batchSize = 500
/** How many files are written at the same time: each keeps a connection. */
const atOnce = 2

/** Ends the transaction of a dry run, so that nothing stays of it. */
class DryRun extends Data.TaggedError("DryRun")<{ readonly result: ContactImportResult }> {}

/** Reads contacts from CSV files. */
export class ContactImport extends Context.Service<
  ContactImport,
  {
    /**
     * Makes or changes the contacts of a file, by their addresses. All rows that are right are written in one
     * transaction, or none; the others are left out and told of. An empty cell leaves what is there.
     */
    run(
      actor: Actor,
      path: string,
      options: ImportOptions
    ): Effect.Effect<ContactImportResult, InvalidCsv | PlatformError.PlatformError>
  }
>()("nexus/contacts/ContactImport") {
  static readonly layer = Layer.effect(
    ContactImport,
    Effect.gen(function* () {
      const repo = yield* ContactRepo
      const fs = yield* FileSystem.FileSystem
      const transaction = yield* makeUserTransactions
      const turns = yield* Semaphore.make(atOnce)

      /** Everything that happens within the transaction; it may happen again from the beginning. */
      const write = Effect.fnUntraced(function* (actor: Actor, path: string, options: ImportOptions) {
        yield* repo.lockImports(actor.userId)
        const sheet = new ContactSheet()
        let counts: BatchCounts = { created: 0, updated: 0, unchanged: 0 }
        yield* readRows(fs, path).pipe(
          Stream.mapEffect((row) => sheet.take(row)),
          Stream.filter((contact) => contact !== undefined),
          Stream.grouped(batchSize),
          Stream.runForEach(
            Effect.fnUntraced(function* (contacts) {
              counts = add(counts, yield* repo.upsertMany(actor.userId, contacts, options.emit))
              yield* options.onProgress?.(sheet.rows) ?? Effect.void
            })
          )
        )
        if (sheet.columns === undefined) return yield* new InvalidCsv({ line: null, reason: "it is empty" })
        const { rejected, errors } = sheet
        yield* repo.record(actor, "contacts.imported", "contacts", { ...counts, rejected })
        const result = new ContactImportResult({ ...counts, rejected, errors })
        if (options.dryRun) return yield* new DryRun({ result })
        return result
      })

      return ContactImport.of({
        run: Effect.fn("ContactImport.run")(
          function* (actor, path, options) {
            return yield* turns.withPermit(transaction(actor.userId, write(actor, path, options)))
          },
          Effect.catchTags({ SqlError: Effect.die, DryRun: ({ result }) => Effect.succeed(result) })
        )
      })
    })
  )
}

const add = (a: BatchCounts, b: BatchCounts): BatchCounts => ({
  created: a.created + b.created,
  updated: a.updated + b.updated,
  unchanged: a.unchanged + b.unchanged
})
