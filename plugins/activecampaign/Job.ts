/** Asks what became of an import. */
import { Array as Arr, Effect, Schema } from "effect"
import { Outcome, type OutgoingContact, readJson } from "nexus-integrations/plugin"
import { type ActiveCampaignConnection, request, send } from "./Client.ts"
import { writeTitle } from "./JobTitle.ts"

/** An import, and the highest id of a contact before it: those above are new. */
interface ImportJob {
  readonly batchId: string
  readonly newest: number
}

/** The name that the service keeps of an import. */
export const nameJob = ({ batchId, newest }: ImportJob): string => `${newest}:${batchId}`

const parseJob = (name: string): ImportJob => {
  const colon = name.indexOf(":")
  return { newest: Number(name.slice(0, colon)), batchId: name.slice(colon + 1) }
}

/** `status` is `false` in the first second, when the import has none yet. */
const Info = Schema.Struct({
  status: Schema.Union([Schema.String, Schema.Boolean]),
  success: Schema.optionalKey(Schema.Array(Schema.String)),
  failure: Schema.optionalKey(Schema.Array(Schema.String))
})

const Contacts = Schema.Struct({
  contacts: Schema.Array(Schema.Struct({ id: Schema.String, email: Schema.NullOr(Schema.String) }))
})

/** The most contacts of a page. */
const page = 100

/** The ids of contacts by their addresses. An import names its contacts by id alone. */
const idsByEmail = Effect.fnUntraced(function* (connection: ActiveCampaignConnection, ids: ReadonlyArray<string>) {
  const read = yield* Effect.forEach(Arr.chunksOf(ids, page), (some) => {
    const query = [...some.map((id) => ["ids[]", id] as const), ["limit", String(page)] as const]
    return Effect.flatMap(send(connection, request(connection, "GET", "/contacts", { query })), readJson(Contacts))
  })
  return new Map(read.flatMap(({ contacts }) => contacts.map(({ id, email }) => [email?.toLowerCase(), id])))
})

const retryable = (reason: string) => Outcome.Rejected({ reason, retryable: true })

/** Gives an outcome for each contact of an import, and writes their job titles, which imports don't take. */
export const poll = Effect.fn("ActiveCampaign.poll")(function* (
  connection: ActiveCampaignConnection,
  job: string,
  batch: ReadonlyArray<OutgoingContact>
) {
  const { batchId, newest } = parseJob(job)
  const asked = request(connection, "GET", "/import/info", { query: [["batchId", batchId]] })
  const answer = yield* send(connection, asked, [400])
  if (answer.status === 400) {
    return batch.map(() => retryable("ActiveCampaign doesn't know the import any more. Sync again"))
  }
  const { status, success = [], failure = [] } = yield* readJson(Info)(answer)
  const isStopped = status === "failed" || status === "interrupted"
  if (status !== "completed" && !isStopped) return batch.map(() => Outcome.Accepted({ job }))

  const failed = new Set(failure.map((email) => email.toLowerCase()))
  const ids = yield* idsByEmail(connection, success)
  return yield* Effect.forEach(
    batch,
    (contact) => {
      if (failed.has(contact.email)) return Effect.succeed(notImported)
      const id = ids.get(contact.email)
      if (id !== undefined) {
        const externalId = id
        const there = Number(id) > newest ? Outcome.Created({ externalId }) : Outcome.Updated({ externalId })
        return writeTitle(connection, id, contact, there)
      }
      return Effect.succeed(
        isStopped ? retryable("ActiveCampaign stopped the import. Sync again") : Outcome.Unconfirmed()
      )
    },
    { concurrency: 5 }
  )
})

const notImported = Outcome.Rejected({
  reason: "ActiveCampaign could not import the contact: its address isn't valid, or is on an exclusion list",
  field: "email",
  retryable: false
})
