/** Queues contacts for import. An import takes all of its contacts or none, and names those that it can't read. */
import { Effect, Schema } from "effect"
import { byHalves, Outcome, type OutgoingContact, readJson, rejected } from "nexus-integrations/plugin"
import { type ActiveCampaignConnection, request, send } from "./Client.ts"
import { type Row, rowOf } from "./Fields.ts"
import { nameJob } from "./Job.ts"

/** The most contacts of an import. */
export const batchSize = 250

/** The first number of bytes that is too much for an import. */
const tooLarge = 400_000

const Queued = Schema.Struct({ batchId: Schema.String })

const Refused = Schema.Struct({
  message: Schema.String,
  failureReasons: Schema.optionalKey(
    Schema.Array(Schema.Union([Schema.Struct({ contact: Schema.Int, failureReason: Schema.String }), Schema.String]))
  )
})
type Refused = typeof Refused.Type

const queue = Effect.fnUntraced(function* (connection: ActiveCampaignConnection, rows: ReadonlyArray<Row>) {
  const body = { contacts: rows }
  if (new TextEncoder().encode(JSON.stringify(body)).length >= tooLarge) {
    return { message: "An import takes at most 400 KB" } satisfies Refused
  }
  const answer = yield* send(connection, request(connection, "POST", "/import/bulk_import", { body }), [400])
  return answer.status === 400 ? yield* readJson(Refused)(answer) : yield* readJson(Queued)(answer)
})

const Newest = Schema.Struct({ contacts: Schema.Array(Schema.Struct({ id: Schema.String })) })

/**
 * The highest id of a contact: those that an import makes have higher ones, and nothing else tells them from contacts
 * that were there. It is asked before each import, so that the same contacts again are not new ones.
 */
const newestId = Effect.fnUntraced(function* (connection: ActiveCampaignConnection) {
  const query = [
    ["orders[id]", "DESC"],
    ["limit", "1"]
  ] as const
  const { contacts } = yield* readJson(Newest)(
    yield* send(connection, request(connection, "GET", "/contacts", { query }))
  )
  return Number(contacts[0]?.id ?? 0)
})

const sentenceOf = (reason: string) => `ActiveCampaign refuses the contact: ${reason}`

const refusal = (reason: string) => {
  const field = /^Field\W+(\w+)/.exec(reason)?.[1]
  const named = field === undefined ? {} : { field }
  return Outcome.Rejected({ reason: sentenceOf(reason), retryable: false, ...named })
}

/** The contacts that a refusal names, by their place in the import; undefined if the numbers don't fit. */
const namedBy = ({ failureReasons = [] }: Refused, first: 0 | 1, count: number) => {
  const named = new Map<number, Outcome>()
  for (const failure of failureReasons) {
    if (typeof failure === "string") return undefined
    const place = failure.contact - first
    if (place < 0 || place >= count) return undefined
    named.set(place, refusal(failure.failureReason))
  }
  return named.size === 0 ? undefined : named
}

/** Queues all contacts but those that are refused, and gives an outcome for each. */
export const upsert = Effect.fn("ActiveCampaign.upsert")(function* (
  connection: ActiveCampaignConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  const newest = yield* newestId(connection)
  const rows = yield* Effect.forEach(batch, rowOf)
  const accepted = (batchId: string) => Outcome.Accepted({ job: nameJob({ batchId, newest }) })

  const whole = yield* queue(connection, rows)
  if ("batchId" in whole) return rows.map(() => accepted(whole.batchId))

  // Whether the named contacts are counted from one or from zero isn't documented. The wrong guess leaves a bad contact
  // in (the last or the first of them), and the rest is refused again: what is queued proves the guess.
  for (const first of [1, 0] as const) {
    const named = namedBy(whole, first, rows.length)
    if (named === undefined) continue
    const rest = rows.filter((_, place) => !named.has(place))
    const queued = rest.length === 0 ? { batchId: "" } : yield* queue(connection, rest)
    if ("batchId" in queued) return rows.map((_, place) => named.get(place) ?? accepted(queued.batchId))
  }

  return yield* byHalves(
    rows,
    Effect.fnUntraced(function* (part) {
      const answer = yield* queue(connection, part)
      if ("batchId" in answer) return part.map(() => accepted(answer.batchId))
      const [failure] = answer.failureReasons ?? []
      return yield* rejected(
        sentenceOf(typeof failure === "object" ? failure.failureReason : (failure ?? answer.message))
      )
    })
  )
})
