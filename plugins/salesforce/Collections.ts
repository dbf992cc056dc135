/** Writing up to 200 records in one call, and reading what became of each. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { byHalves, Outcome, type OutgoingContact, readJson, unavailable } from "nexus-integrations/plugin"
import { resource, type SalesforceConnection, send } from "./Client.ts"

/** One record's errors. */
const Errors = Schema.Array(
  Schema.Struct({
    statusCode: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String),
    fields: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
  })
)

/** What became of each record, in the order of the request, with status 200 even if all of them failed. */
export const Results = Schema.Array(
  Schema.Struct({
    id: Schema.optionalKey(Schema.NullOr(Schema.String)),
    success: Schema.Boolean,
    created: Schema.optionalKey(Schema.Boolean),
    errors: Schema.optionalKey(Errors)
  })
)
export type Result = (typeof Results.Type)[number]

/** A record, or those of its fields that are to be written. */
export interface Written {
  /** Salesforce's id, for an update. */
  readonly id?: string
  readonly fields: OutgoingContact["fields"]
}

/** A record that stands for a contact. */
export interface Entry extends Written {
  readonly contact: OutgoingContact
}

const path = "/composite/sobjects"

/** Creates, updates (by Salesforce's id) or upserts (by the external id field): one outcome for each, in order. */
export const write = (
  connection: SalesforceConnection,
  operation: "create" | "update" | "upsert",
  entries: ReadonlyArray<Written>,
  object: "Contact" | "Lead" | "Account" = connection.settings.object
) =>
  byHalves(
    entries,
    Effect.fnUntraced(function* (some: ReadonlyArray<Written>) {
      const { allowDuplicates, externalIdField = "" } = connection.settings
      const request = {
        create: HttpClientRequest.post(resource(connection, path)),
        update: HttpClientRequest.patch(resource(connection, path)),
        upsert: HttpClientRequest.patch(resource(connection, `${path}/${object}/${externalIdField}`))
      }[operation].pipe(
        HttpClientRequest.bodyJsonUnsafe({
          allOrNone: false,
          records: some.map(({ id, fields }) => ({
            attributes: { type: object },
            ...(id === undefined ? {} : { id }),
            ...fields
          }))
        }),
        HttpClientRequest.setHeaders(allowDuplicates ? { "sforce-duplicate-rule-header": "allowSave=true" } : {})
      )
      const results = yield* readJson(Results)(yield* send(connection, request))
      if (results.length !== some.length) {
        return yield* unavailable(`Salesforce answered for ${results.length} of ${some.length} records`)
      }
      return results.map((result) => outcomeOf(connection, operation, result))
    })
  )

const outcomeOf = (connection: SalesforceConnection, operation: string, result: Result): Outcome => {
  if (!result.success || !result.id) return refusal(connection, result)
  const isNew = operation === "create" || (operation === "upsert" && result.created === true)
  return isNew ? Outcome.Created({ externalId: result.id }) : Outcome.Updated({ externalId: result.id })
}

/** Another run may find these gone: locks, capacity, and a record that was deleted since it was looked up. */
const passing = new Set([
  "UNABLE_TO_LOCK_ROW",
  "SERVER_UNAVAILABLE",
  "REQUEST_LIMIT_EXCEEDED",
  "STORAGE_LIMIT_EXCEEDED",
  "ENTITY_IS_DELETED"
])

/** The outcome of a record that was refused, in plain words. */
export const refusal = ({ settings }: SalesforceConnection, { errors = [] }: Result): Outcome => {
  const [{ statusCode = "", message, fields } = {}] = errors
  const field = fields?.[0]
  // Two calls wrote the same new external id at once; now it is there.
  const isRace = statusCode === "DUPLICATE_VALUE" && message?.includes(settings.externalIdField ?? " ") === true
  return Outcome.Rejected({
    reason: reasonOf(statusCode, fields ?? []) ?? message ?? "Salesforce did not say why it refused the record",
    retryable: passing.has(statusCode) || isRace,
    ...(field === undefined ? {} : { field })
  })
}

const reasonOf = (code: string, fields: ReadonlyArray<string>): string | undefined => {
  if (code === "REQUIRED_FIELD_MISSING" && fields.includes("LastName")) {
    return "Salesforce requires a last name. The setting lastNameFromEmail takes it from the email"
  }
  if (code === "REQUIRED_FIELD_MISSING" && fields.length > 0) return `Salesforce requires ${fields.join(", ")}`
  if (code === "DUPLICATES_DETECTED") {
    return "A duplicate rule of the org takes it for a duplicate of another record. The setting allowDuplicates saves it all the same"
  }
  return undefined
}
