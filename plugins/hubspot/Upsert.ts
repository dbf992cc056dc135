import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { byHalves, Outcome, type OutgoingContact, readJson } from "nexus-integrations/plugin"
import { api, type HubSpotConnection, send } from "./Client.ts"
import { HubSpotError, readFailure } from "./Failure.ts"

const contacts = `${api}/crm/v3/objects/contacts`

const Found = Schema.Struct({
  id: Schema.String,
  properties: Schema.Record(Schema.String, Schema.NullOr(Schema.String))
})
type Found = typeof Found.Type

const Written = Schema.Struct({
  results: Schema.Array(
    Schema.Struct({
      ...Found.fields,
      objectWriteTraceId: Schema.optionalKey(Schema.String)
    })
  ),
  errors: Schema.optionalKey(Schema.Array(HubSpotError))
})

/** What goes into one call: a new contact has no record id. */
interface Input {
  readonly contact: OutgoingContact
  readonly id: string | undefined
  readonly properties: Readonly<Record<string, string>>
}

/**
 * Reads the contacts by email, then creates those that are missing and updates those that differ, by record id. Not by
 * `batch/upsert`: with the email as key it takes no partial records, and what it does to a property that is left out is
 * not documented, while an update by id leaves such a property alone.
 */
export const upsert = Effect.fn("HubSpot.upsert")(function* (
  connection: HubSpotConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  const found = yield* read(connection, batch)
  const inputs = batch.map((contact): Input & { readonly isSame: boolean } => {
    const record = found.get(contact.email)
    // HubSpot's values are all texts.
    const { email, ...others } = Object.fromEntries(
      Object.entries(contact.fields).map(([name, value]) => [name, String(value)])
    )
    // A record that was found has this address, as its first one or as another of its own, and keeps the order of them.
    const properties = record !== undefined || email === undefined ? others : { email, ...others }
    const isSame =
      record !== undefined && Object.entries(properties).every(([name, value]) => record.properties[name] === value)
    return { contact, id: record?.id, properties, isSame }
  })
  const created = inputs.filter(({ id }) => id === undefined)
  const updated = inputs.filter(({ id, isSame }) => id !== undefined && !isSame)
  const outcomes = yield* Effect.all([
    byHalves(created, (some) => write(connection, "create", some)),
    byHalves(updated, (some) => write(connection, "update", some))
  ])
  const written = new Map(
    [...created, ...updated].map(({ contact }, index) => [contact.id, outcomes.flat()[index]] as const)
  )
  return inputs.map(({ contact, id }) => written.get(contact.id) ?? Outcome.Unchanged({ externalId: id ?? "" }))
})

/**
 * The contacts that are there, by each of their addresses in lower case: a merged contact answers to all of them. Those
 * that are not there come as errors of a 207.
 */
const read = Effect.fnUntraced(function* (connection: HubSpotConnection, batch: ReadonlyArray<OutgoingContact>) {
  const properties = new Set(["email", "hs_additional_emails", ...batch.flatMap(({ fields }) => Object.keys(fields))])
  const request = HttpClientRequest.post(`${contacts}/batch/read`).pipe(
    HttpClientRequest.bodyJsonUnsafe({
      idProperty: "email",
      properties: Array.from(properties),
      inputs: batch.map(({ email }) => ({ id: email }))
    })
  )
  const { results } = yield* readJson(Written)(yield* send(connection, request))
  return new Map(
    results.flatMap((record) => {
      const { email, hs_additional_emails } = record.properties
      const addresses = [email ?? "", ...(hs_additional_emails ?? "").split(";")]
      return addresses.map((address): [string, Found] => [address.trim().toLowerCase(), record])
    })
  )
})

/**
 * Creates or updates, one outcome for each. A batch that HubSpot refuses whole fails with `Rejected`. Whether a conflict
 * of one contact is an error in a 207 or a 409 for all is not documented; both are read.
 */
const write = Effect.fnUntraced(function* (
  connection: HubSpotConnection,
  operation: "create" | "update",
  inputs: ReadonlyArray<Input>
) {
  const request = HttpClientRequest.post(`${contacts}/batch/${operation}`).pipe(
    HttpClientRequest.bodyJsonUnsafe({
      inputs: inputs.map(({ contact, id, properties }) => ({
        ...(id === undefined ? {} : { id }),
        objectWriteTraceId: contact.id,
        properties
      }))
    })
  )
  const answer = yield* send(connection, request, [409])
  if (answer.status === 409) {
    const conflict = yield* readFailure(answer)
    return inputs.length > 1 ? yield* conflict : [Outcome.Rejected({ reason: conflict.detail, retryable: true })]
  }
  const { results, errors = [] } = yield* readJson(Written)(answer)
  const done = operation === "create" ? Outcome.Created : Outcome.Updated
  return inputs.map((input) => {
    const { contact, id } = input
    const result = results.find(
      (written) =>
        written.objectWriteTraceId === contact.id ||
        written.id === id ||
        written.properties.email?.toLowerCase() === contact.email
    )
    return result === undefined ? refusal(input, inputs, errors) : done({ externalId: result.id })
  })
})

/** Whether an error is about this contact: what names it is not documented, so any of its names will do. */
const isAbout = ({ contact, id }: Input, { context = {} }: HubSpotError): boolean =>
  Object.values(context)
    .flat()
    .some((name) => name === contact.id || name === contact.email || name === id)

/** What a 207 says about a contact that is not among its results. */
const refusal = (input: Input, inputs: ReadonlyArray<Input>, errors: ReadonlyArray<HubSpotError>): Outcome => {
  const nameless = errors.filter((error) => !inputs.some((one) => isAbout(one, error)))
  const own = errors.find((error) => isAbout(input, error)) ?? (nameless.length === 1 ? nameless[0] : undefined)
  // One that nobody can be told of is not the contact's fault, so it is sent again.
  if (own === undefined) {
    return Outcome.Rejected({ reason: "HubSpot did not say what became of this contact", retryable: true })
  }
  const { message = "HubSpot refused the contact", category } = own
  return Outcome.Rejected({ reason: message, retryable: passing.has(category ?? "") })
}

/** Someone else made or deleted the contact since it was read: the next run finds it as it is. */
const passing = new Set(["CONFLICT", "OBJECT_NOT_FOUND"])
