import { Context, DateTime, Effect, Layer, Option, Schema, Stream } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import { Contact } from "../domain/Contact.ts"
import type { ContactId, UserId } from "../domain/Ids.ts"
import type { ExportFormat } from "../domain/Integration.ts"
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

const encodeContact = Schema.encodeSync(Contact)

/** Writes a user's contacts as CSV, for people, for spreadsheets and for {@link ContactImport}. */
export class ContactExport extends Context.Service<
  ContactExport,
  {
    /**
     * All contacts as CSV (RFC 4180, UTF-8), the oldest first, a header before them. Read in pages, with no transaction
     * open in between: what changes meanwhile is in it or not, but each contact is in it once.
     */
    csv(userId: UserId, options?: ExportOptions): Stream.Stream<string>
    /** All contacts as a JSON list, as the API shows them; otherwise the same. */
    json(userId: UserId, options?: ExportOptions): Stream.Stream<string>
    /** How many contacts there are to export. */
    count(userId: UserId): Effect.Effect<number>
  }
>()("nexus/contacts/ContactExport") {
  static readonly layer = Layer.effect(
    ContactExport,
    Effect.gen(function* () {
      const repo = yield* ContactRepo
      const transaction = yield* makeUserTransactions

      /** The contacts in pages, each as the text that `write` makes of it. */
      const pages = (userId: UserId, write: (page: ReadonlyArray<Contact>) => string, options: ExportOptions) =>
        Stream.paginate<Place, string, never>(
          { above: null, done: 0 },
          Effect.fnUntraced(
            function* (place) {
              const rows = yield* transaction(userId, repo.listFrom(userId, pageSize, place.above))
              const text = write(rows.map(showContact))
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
                Stream.concat(
                  Stream.succeed(csvText([headerCells(names)])),
                  pages(userId, (page) => csvText(page.map((contact) => contactCells(contact, names))), options)
                )
              ),
              Effect.catchTag("SqlError", Effect.die)
            )
          ),
        json: (userId, options = {}) => {
          let isFirst = true
          const item = (contact: Contact) => {
            const text = `${isFirst ? "" : ","}\n${JSON.stringify(encodeContact(contact))}`
            isFirst = false
            return text
          }
          const items = Stream.suspend(() => {
            isFirst = true
            return pages(userId, (page) => page.map(item).join(""), options)
          })
          return Stream.succeed("[").pipe(Stream.concat(items), Stream.concat(Stream.succeed("\n]\n")))
        },
        count: Effect.fn("ContactExport.count")(
          (userId) => transaction(userId, repo.count(userId)),
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

/** A name for a file of contacts, with the time: `contacts-export-20251120T103000Z.csv`. */
export const exportName = (at: DateTime.Utc, format: ExportFormat): string =>
  `contacts-export-${DateTime.formatIso(at).replace(/\.\d+/, "").replace(/[-:]/g, "")}.${format}`
