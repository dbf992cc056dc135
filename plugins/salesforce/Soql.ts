/** Queries in Salesforce's language. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type ProviderError, readJson } from "nexus-integrations/plugin"
import { instanceOf, resource, type SalesforceConnection, send } from "./Client.ts"

/** Values in one query. */
const longest = 100
/** Characters of one query's values, as the URL has them; 16,384 bytes are the limit for URL and headers together. */
const widest = 10_000

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b" }

/** A text as a literal. */
export const quote = (value: string): string =>
  `'${value.replace(/[\\'\n\r\t\f\b]/g, (character) => escapes[character] ?? `\\${character}`)}'`

/** `Email IN ('a@example.com','b@example.com')` */
export const isOneOf = (field: string, values: ReadonlyArray<string>): string =>
  `${field} IN (${values.map(quote).join(",")})`

/** Parts of a list so small that the values of each fit into one query. */
export const queryable = <A>(
  items: ReadonlyArray<A>,
  valuesOf: (item: A) => ReadonlyArray<string>
): ReadonlyArray<ReadonlyArray<A>> => {
  const parts: Array<Array<A>> = []
  let width = 0
  for (const item of items) {
    // Quotes and the comma take three characters each in a URL.
    const own = valuesOf(item).reduce((sum, value) => sum + encodeURIComponent(quote(value)).length + 9, 0)
    const last = parts.at(-1)
    if (last === undefined || last.length === longest || width + own > widest) {
      parts.push([item])
      width = own
    } else {
      last.push(item)
      width += own
    }
  }
  return parts
}

/** Runs a query, and fetches page after page of its records. */
export const query = Effect.fnUntraced(function* <A>(
  connection: SalesforceConnection,
  soql: string,
  record: Schema.Codec<A, unknown>
): Effect.fn.Return<ReadonlyArray<A>, ProviderError> {
  const Page = Schema.Struct({
    records: Schema.Array(record),
    done: Schema.Boolean,
    nextRecordsUrl: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
  const records: Array<A> = []
  let request = HttpClientRequest.get(resource(connection, "/query"), { urlParams: { q: soql } })
  for (;;) {
    const page = yield* readJson(Page)(yield* send(connection, request))
    records.push(...page.records)
    if (page.done || !page.nextRecordsUrl) return records
    request = HttpClientRequest.get(`${instanceOf(connection)}${page.nextRecordsUrl}`)
  }
})
