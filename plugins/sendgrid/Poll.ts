import { DateTime, Effect, Option, Result, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { Outcome, type OutgoingContact, readJson } from "nexus-integrations/plugin"
import { api, type SendGridConnection, send } from "./Client.ts"
import { full, isFull } from "./Failure.ts"
import { customFieldsOf } from "./Fields.ts"
import { customNames, fieldsOf, type Values, valuesOf } from "./Record.ts"
import { type Found, search } from "./Search.ts"

const Count = Schema.optionalKey(Schema.NullOr(Schema.Finite))
const Job = Schema.Struct({
  status: Schema.String,
  results: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        requested_count: Count,
        created_count: Count,
        updated_count: Count,
        errored_count: Count,
        unmodified_count: Count
      })
    )
  ),
  started_at: Schema.optionalKey(Schema.NullOr(Schema.String)),
  errors: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Struct({ message: Schema.optionalKey(Schema.String) }))))
})
type Job = typeof Job.Type

/** How a job ends: well, with errors in some rows, or with none done. */
const ends = ["completed", "errored", "failed"]

/** A job that SendGrid no longer knows: it is over, and anything may have come of it. */
const forgotten: Job = { status: "errored" }

/**
 * Asks for the job and, when it is over, for its contacts by address. The job knows numbers alone; its list of errors is
 * a file on another host. A contact counts as done when it is there, in the list, and either the job had no errors or
 * it shows our values or a change since the job began; otherwise it is `Unconfirmed`, also while the index lags behind.
 */
export const poll = Effect.fn("SendGrid.poll")(function* (
  connection: SendGridConnection,
  id: string,
  batch: ReadonlyArray<OutgoingContact>
) {
  const job = yield* readJob(connection, id)
  const { requested = 0, created = 0, updated = 0, errored = 0, unmodified = 0 } = countsOf(job)
  // A job has been seen to stay pending after its last contact.
  const isOver = ends.includes(job.status) || (requested > 0 && created + updated + errored + unmodified >= requested)
  if (!isOver) return batch.map(() => Outcome.Accepted({ job: id }))
  const said = (job.errors ?? []).flatMap(({ message }) => message ?? []).join("; ")
  if (isFull(said)) return yield* full(said)
  if (job.status === "failed") {
    const reason = `SendGrid's import failed as a whole${said === "" ? "" : `: ${said}`}`
    return batch.map(() => Outcome.Rejected({ reason, retryable: true }))
  }
  if (requested > 0 && errored >= requested) {
    const reason = "SendGrid's import refused the contact; the reason is in the error file of the import, in SendGrid"
    return batch.map(() => Outcome.Rejected({ reason, retryable: false }))
  }

  const found = yield* search(
    connection,
    batch.map(({ email }) => email)
  )
  const valuesFor = hadErrors(job) ? yield* makeValues(connection, batch) : () => undefined
  return batch.map((contact) => {
    const there = found.get(contact.email)
    return there === undefined || !isInList(there, connection.credentials.listId)
      ? Outcome.Unconfirmed()
      : judge(job, there, valuesFor(contact))
  })
})

const readJob = (connection: SendGridConnection, id: string) =>
  send(connection, HttpClientRequest.get(`${api}/v3/marketing/contacts/imports/${encodeURIComponent(id)}`)).pipe(
    Effect.flatMap(readJson(Job)),
    Effect.catchReason("ProviderError", "Misconfigured", () => Effect.succeed(forgotten))
  )

const countsOf = ({ results }: Job) => ({
  requested: results?.requested_count ?? undefined,
  created: results?.created_count ?? undefined,
  updated: results?.updated_count ?? undefined,
  errored: results?.errored_count ?? undefined,
  unmodified: results?.unmodified_count ?? undefined
})

const hadErrors = (job: Job): boolean => {
  const { errored } = countsOf(job)
  return errored === undefined ? job.status !== "completed" : errored > 0
}

const makeValues = Effect.fnUntraced(function* (connection: SendGridConnection, batch: ReadonlyArray<OutgoingContact>) {
  const { tags } = connection.settings
  const names = new Set(batch.flatMap((contact) => customNames(fieldsOf(contact, tags))))
  const customFields = yield* customFieldsOf(connection, names)
  return (contact: OutgoingContact) => Result.getOrUndefined(valuesOf(fieldsOf(contact, tags), customFields))
})

const isInList = ({ list_ids }: Found, listId: string) =>
  list_ids === undefined || list_ids === null || list_ids.some((id) => id.toLowerCase() === listId.toLowerCase())

/** What became of a contact that is there, of a job that is over. */
const judge = (job: Job, there: Found, values: Values | undefined): Outcome => {
  const { created, updated } = countsOf(job)
  const began = secondOf(job.started_at)
  const isSince = (moment: string | null | undefined) => {
    const second = secondOf(moment)
    return began !== undefined && second !== undefined && second >= began
  }
  const isDone = !hadErrors(job) || isSince(there.updated_at) || (values !== undefined && isSame(there, values))
  if (!isDone) return Outcome.Unconfirmed()
  const isNew = began === undefined ? updated === 0 && (created ?? 0) > 0 : isSince(there.created_at)
  return isNew ? Outcome.Created({ externalId: there.id }) : Outcome.Updated({ externalId: there.id })
}

/** Whole seconds since 1970: not all of SendGrid's times have fractions. */
const secondOf = (moment: string | null | undefined): number | undefined =>
  Option.getOrUndefined(
    Option.map(DateTime.make(moment ?? ""), (time) => Math.floor(DateTime.toEpochMillis(time) / 1000))
  )

const isSame = ({ own, custom_fields }: Found, values: Values) => {
  const custom = new Map(Object.entries(custom_fields ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  return (
    Object.entries(values.own).every(([name, value]) => name === "email" || String(own[name] ?? "") === value) &&
    Object.entries(values.custom).every(([name, value]) => String(custom.get(name) ?? "") === String(value))
  )
}
