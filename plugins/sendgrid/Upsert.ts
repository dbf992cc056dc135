import { Effect, Result, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { byHalves, misconfigured, Outcome, type OutgoingContact, readJson } from "nexus-integrations/plugin"
import { api, type SendGridConnection, send } from "./Client.ts"
import { type CustomField, customFieldsOf } from "./Fields.ts"
import { listOf } from "./List.ts"
import { customNames, fieldsOf, type Values, valuesOf } from "./Record.ts"

const Job = Schema.Struct({ job_id: Schema.String })

/** Six megabytes is the most that a call takes; this leaves room for what stands around the contacts. */
const maxBytes = 5_500_000

/** A contact as JSON, and its place in the batch. */
interface Entry {
  readonly index: number
  readonly json: string
  readonly bytes: number
}

/**
 * Hands the contacts over in as few jobs as fit, with no feedback but each job's id: everything that SendGrid takes is
 * `Accepted`. What it would refuse is found before, or by halving a call that it does refuse.
 */
export const upsert = Effect.fn("SendGrid.upsert")(function* (
  connection: SendGridConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  yield* listOf(connection)
  const fields = batch.map((contact) => fieldsOf(contact, connection.settings.tags))
  const customFields = yield* customFieldsOf(connection, new Set(fields.flatMap(customNames)))
  const outcomes = new Map<number, Outcome>()
  const entries: Array<Entry> = []
  for (const [index, own] of fields.entries()) {
    const values = valuesOf(own, customFields)
    if (Result.isFailure(values)) outcomes.set(index, values.failure)
    else entries.push(entryOf(index, values.success, customFields))
  }
  for (const part of parts(entries)) {
    const accepted = yield* byHalves(part, (some) => put(connection, some))
    for (const [at, { index }] of part.entries()) {
      const outcome = accepted[at]
      if (outcome !== undefined) outcomes.set(index, outcome)
    }
  }
  return batch.flatMap((_, index) => outcomes.get(index) ?? [])
})

/** Custom fields are keyed by their ids here. Empty texts were left out, so nothing there is cleared. */
const entryOf = (index: number, { own, custom }: Values, customFields: ReadonlyMap<string, CustomField>): Entry => {
  const byId = Object.entries(custom).map(([name, value]) => [customFields.get(name)?.id ?? name, value] as const)
  const json = JSON.stringify({ ...own, ...(byId.length === 0 ? {} : { custom_fields: Object.fromEntries(byId) }) })
  return { index, json, bytes: new TextEncoder().encode(json).length + 1 }
}

/** Cuts the contacts into calls that are small enough, whatever the contacts hold. */
const parts = (entries: ReadonlyArray<Entry>): ReadonlyArray<ReadonlyArray<Entry>> => {
  const cut: Array<Array<Entry>> = []
  let bytes = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    if (bytes + entry.bytes > maxBytes) {
      cut.push([])
      bytes = 0
    }
    cut.at(-1)?.push(entry)
    bytes += entry.bytes
  }
  return cut
}

const put = Effect.fnUntraced(
  function* (connection: SendGridConnection, entries: ReadonlyArray<Entry>) {
    const lists = JSON.stringify([connection.credentials.listId])
    const body = `{"list_ids":${lists},"contacts":[${entries.map(({ json }) => json).join()}]}`
    const request = HttpClientRequest.put(`${api}/v3/marketing/contacts`).pipe(
      HttpClientRequest.bodyText(body, "application/json")
    )
    const { job_id } = yield* readJson(Job)(yield* send(connection, request))
    return entries.map(() => Outcome.Accepted({ job: job_id }))
  },
  // About the list, and not about any of the contacts: halving would not end before the last one.
  Effect.catchReason("ProviderError", "Rejected", ({ field }, error) =>
    Effect.fail(field?.startsWith("list_ids") === true ? misconfigured(error.detail) : error)
  )
)
