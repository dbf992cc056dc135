/** Calls about up to 100 records, and reading what became of each. */
import { Effect, Option, Schema } from "effect"
import type { HttpClientRequest } from "effect/http"
import { Outcome, unavailable } from "nexus-integrations/plugin"
import { execute, type ZohoConnection } from "./Client.ts"
import { allowances, readFailure } from "./Failure.ts"

const Item = Schema.Struct({
  code: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
  action: Schema.optionalKey(Schema.NullOr(Schema.String)),
  details: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        id: Schema.optionalKey(Schema.String),
        api_name: Schema.optionalKey(Schema.String),
        json_path: Schema.optionalKey(Schema.String)
      })
    )
  )
})

/** What became of one record. */
export type Item = typeof Item.Type

const decode = Schema.decodeOption(Schema.fromJsonString(Schema.Struct({ data: Schema.Array(Item) })))

/** Statuses that may come with a list of records: 207 when some of them failed, 400 and others when all did. */
const carriers = new Set([200, 201, 202, 207, 400, 403, 412])

/**
 * Sends a request about so many records: what became of each, in their order.
 *
 * @param scope what the token needs for it
 */
export const itemsOf = Effect.fnUntraced(function* (
  connection: ZohoConnection,
  request: HttpClientRequest.HttpClientRequest,
  count: number,
  scope: string
) {
  const answer = yield* execute(connection, request)
  const body = carriers.has(answer.status) ? yield* Effect.orElseSucceed(answer.text, () => "") : ""
  const decoded = decode(body)
  if (Option.isNone(decoded)) {
    return answer.status < 300
      ? yield* unavailable(`The answer (status ${answer.status}) is not what its API promises`)
      : yield* Effect.flatMap(readFailure(answer, scope), Effect.fail)
  }
  const { data } = decoded.value
  if (data.length !== count) return yield* unavailable(`Zoho CRM answered for ${data.length} of ${count} records`)
  return inOrder(data)
})

/** An item that names its record (`$.data[1].Last_Name`) belongs there; the others fill the rest in order. */
const inOrder = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const placed = new Map<number, Item>()
  const unnamed: Array<Item> = []
  for (const item of items) {
    const index = Number(/^\$\.data\[(\d+)\]/.exec(item.details?.json_path ?? "")?.[1] ?? Number.NaN)
    if (index < items.length && !placed.has(index)) placed.set(index, item)
    else unnamed.push(item)
  }
  let next = 0
  return items.flatMap((_, index) => placed.get(index) ?? unnamed[next++] ?? [])
}

/** Whether the record was written. */
export const isDone = ({ status, code }: Item) => status === "success" || (status === undefined && code === "SUCCESS")

/** The outcome of a record that was upserted. */
export const outcomeOf = (item: Item): Outcome => {
  const externalId = item.details?.id
  if (!isDone(item) || externalId === undefined) return refusal(item)
  return item.action === "insert" ? Outcome.Created({ externalId }) : Outcome.Updated({ externalId })
}

/** Another run may find these gone: someone else is at work on the record, or Zoho is in trouble. */
const passing = new Set([
  ...allowances,
  "RECORD_LOCKED",
  "NOT_APPROVED",
  "RECORD_IN_BLUEPRINT",
  "ALREADY_MODIFIED",
  "INTERNAL_ERROR",
  "INTERNAL_SERVER_ERROR"
])

/** The outcome of a record that was refused, in plain words. */
export const refusal = ({ code = "", message, details }: Item): Outcome => {
  const field = details?.api_name
  return Outcome.Rejected({
    reason: reasonOf(code, field) ?? message ?? "Zoho CRM did not say why it refused the record",
    retryable: passing.has(code),
    ...(field === undefined ? {} : { field })
  })
}

const reasonOf = (code: string, field = "a field"): string | undefined => {
  switch (code) {
    case "MANDATORY_NOT_FOUND":
      return field === "Last_Name"
        ? "Zoho CRM requires a last name. The setting lastNameFromEmail takes it from the email"
        : `Zoho CRM requires ${field}`
    case "INVALID_DATA":
      return `Zoho CRM does not take this value for ${field}`
    case "DUPLICATE_DATA":
      return `Another record of Zoho CRM has the same ${field}, which has to be unique`
    case "DEPENDENT_FIELD_MISSING":
    case "EXPECTED_FIELD_MISSING":
      return `Zoho CRM requires another field together with the ones that are mapped: ${field}`
    case "RECORD_LOCKED":
      return "The record is locked in Zoho CRM"
    case "NOT_APPROVED":
      return "The record waits for approval in Zoho CRM"
    case "RECORD_IN_BLUEPRINT":
      return "A blueprint of Zoho CRM holds the record in its present state"
    default:
      return undefined
  }
}
