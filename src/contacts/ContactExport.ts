import { Context, DateTime, Effect, Layer, Option, Stream } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { ContactId, UserId } from "../domain/Ids.ts"
import { contactCells, headerCells } from "./ContactCells.ts"
import { ContactRepo } from "./ContactRepo.ts"
import { showContact } from "./ContactView.ts"
import { csvText } from "./CsvLines.ts"

/** What an export does beside writing. */
export interface ExportOptions {
  /** Told after each page how many contacts are written. */
  readonly onProgress?: (contacts: number) => Effect.Effect<void>
}

/** How many contacts are read at a time. */
const pageSize = 500

/** Where a page begins. */
interface Place {
  readonly above: ContactId | null
  readonly done: number
}

/** Writes a user's contacts as CSV, for people, for spreadsheets and for {@link ContactImport}. */
export class ContactExport extends Context.Service<
  ContactExport,
  {
    /**
     * All contacts as CSV (RFC 4180, UTF-8), the oldest first, a header before them. Read in pages, with no transaction
     * open in between: what changes meanwhile is in it or not, but each contact is in it once.
     */
    csv(userId: UserId, options?: ExportOptions): Stream.Stream<string>
    /** How many contacts there are to export. */
    count(userId: UserId): Effect.Effect<number>
    /** A name for the file, with the time: `contacts-export-<timestamp>.csv`. */
    readonly fileName: Effect.Effect<string>
  }
>()("nexus/contacts/ContactExport") {
  static readonly layer = Layer.effect(
    ContactExport,
    Effect.gen(function* () {
      const repo = yield* ContactRepo
      const transaction = yield* makeUserTransactions

      const pages = (userId: UserId, names: ReadonlyArray<string>, options: ExportOptions) =>
        Stream.paginate<Place, string, never>(
          { above: null, done: 0 },
          Effect.fnUntraced(
            function* (place) {
              const rows = yield* transaction(userId, repo.listFrom(userId, pageSize, place.above))
              const text = csvText(rows.map((row) => contactCells(showContact(row), names)))
              const done = place.done + rows.length
              yield* options.onProgress?.(done) ?? Effect.void
              const last = rows.length < pageSize ? undefined : rows.at(-1)
              return [[text], Option.map(Option.fromUndefinedOr(last), ({ id }) => ({ above: id, done }))] as const
            },
            Effect.catchTag("SqlError", Effect.die)
          )
        )

      return ContactExport.of({
        csv: (userId, options = {}) =>
          Stream.unwrap(
            transaction(userId, repo.customFieldNames(userId)).pipe(
              Effect.map((names) =>
                Stream.concat(Stream.succeed(csvText([headerCells(names)])), pages(userId, names, options))
              ),
              Effect.catchTag("SqlError", Effect.die)
            )
          ),
        count: Effect.fn("ContactExport.count")(
          (userId) => transaction(userId, repo.count(userId)),
          Effect.catchTag("SqlError", Effect.die)
        ),
        fileName: Effect.map(
          DateTime.now,
          (now) => `contacts-export-${DateTime.formatIso(now).replace(/\.\d+/, "").replace(/[-:]/g, "")}.csv`
        )
      })
    })
  )
}
