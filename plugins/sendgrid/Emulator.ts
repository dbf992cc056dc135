/** SendGrid on loopback: one account with one contact list, as the marketing API of v3 answers. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"
import { error, notFound, shownContact, shownJob, tooMany, unauthorized } from "./EmulatedAnswers.ts"
import { EmulatedMarketing, type Sent } from "./EmulatedMarketing.ts"

const Put = Schema.Struct({
  list_ids: Schema.optionalKey(Schema.Array(Schema.String)),
  contacts: Schema.Array(
    Schema.StructWithRest(
      Schema.Struct({
        email: Schema.optionalKey(Schema.String),
        custom_fields: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
      }),
      [Schema.Record(Schema.String, Schema.Unknown)]
    )
  )
})
const Emails = Schema.Struct({ emails: Schema.Array(Schema.String) })
const Field = Schema.Struct({ name: Schema.String, field_type: Schema.Literals(["Text", "Number", "Date"]) })

const parse = <A>(schema: Schema.Codec<A, unknown>, body: string) =>
  Option.getOrUndefined(Schema.decodeOption(Schema.fromJsonString(schema))(body))

const apiKey = "SG.emulator00000000000000.emulator0000000000000000000000000000000000"
const listId = "5a1f6b1e-0000-4000-8000-2f1b9d4c7e3a"
const reserved = ["email", "first_name", "last_name", "phone_number", "created_at", "updated_at"]
const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

export interface SendGridEmulator extends Emulator {
  /** The account's contacts, fields and jobs, to change what its owner changes. */
  readonly marketing: EmulatedMarketing
  /** The scopes of the API key. */
  scopes: ReadonlyArray<string>
}

/**
 * A new account with an empty list.
 *
 * @param polls for how many of them a job stays pending
 */
export const SendGridEmulator = (polls = 1): SendGridEmulator => {
  const marketing = new EmulatedMarketing()
  let isRevoked = false
  let now = 0

  const put = (body: string): EmulatedAnswer => {
    const wanted = parse(Put, body)
    if (wanted === undefined) return error(400, "request body is invalid")
    const { contacts, list_ids: lists = [] } = wanted
    const sent: ReadonlyArray<Sent> = contacts
    if (contacts.length > 30_000) return error(400, "contacts: at most 30000 are allowed", "contacts")
    if (new TextEncoder().encode(body).length > 6 * 1024 * 1024) return error(413, "request body is too large")
    if (lists.some((id) => id !== listId)) return error(400, "invalid list id", "list_ids")
    const [message, field] = marketing.fault(sent) ?? []
    if (message !== undefined) return error(400, message, field)
    const { id } = marketing.addJob(lists, sent, now, polls)
    return json(202, { job_id: id })
  }

  const job = (id: string): EmulatedAnswer => {
    const found = marketing.jobs.get(id)
    if (found === undefined) return notFound
    if (found.left <= 0) marketing.finish(found, now)
    found.left--
    return json(200, shownJob(found, marketing.contacts.size >= marketing.room))
  }

  const search = (body: string): EmulatedAnswer => {
    const emails = parse(Emails, body)?.emails
    if (emails === undefined || emails.length === 0) return error(400, "emails are required", "emails")
    if (emails.length > 100) return error(400, "at most 100 emails are allowed", "emails")
    if (emails.some((email) => !address.test(email))) return error(400, "email is invalid", "emails")
    const found = emails.map((email) => [email, marketing.contacts.get(email.toLowerCase())] as const)
    const result = Object.fromEntries(
      found.map(([email, record]) => [
        email,
        record === undefined ? { error: "contact not found" } : { contact: shownContact(marketing, record) }
      ])
    )
    return json(found.every(([, record]) => record === undefined) ? 404 : 200, { result })
  }

  const fields = (method: string, body: string): EmulatedAnswer => {
    if (method === "GET") {
      const reserved_fields = reserved.map((name, index) => ({ id: `_rf${index}_T`, name, field_type: "Text" }))
      return json(200, { custom_fields: marketing.fields, reserved_fields, _metadata: {} })
    }
    const wanted = parse(Field, body)
    if (wanted === undefined || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(wanted.name)) return error(400, "invalid name", "name")
    if (marketing.fields.length >= 500) return error(400, "the limit of 500 custom fields is reached")
    const field = reserved.includes(wanted.name) ? undefined : marketing.addField(wanted.name, wanted.field_type)
    return field === undefined
      ? error(400, "field name is already in use", "name")
      : json(200, { ...field, _metadata: {} })
  }

  const takeOff = (query: URLSearchParams): EmulatedAnswer => {
    const ids = (query.get("contact_ids") ?? "").split(",").filter((id) => id !== "")
    if (ids.length === 0) return error(400, "contact_ids are required", "contact_ids")
    for (const { id, lists } of marketing.contacts.values()) if (ids.includes(id)) lists.delete(listId)
    return json(202, { job_id: "00000000-0000-4000-9000-000000000000" })
  }

  const answer = ({ method, path, query, headers, body, now: at }: EmulatedRequest): EmulatedAnswer => {
    now = at
    if (isRevoked || headers.authorization !== `Bearer ${apiKey}`) return unauthorized
    const call = `${method} ${path}`
    const list = `/v3/marketing/lists/${listId}`
    if (call === "GET /v3/scopes") return json(200, { scopes: emulator.scopes })
    if (call === `GET ${list}`) return json(200, { id: listId, name: "Newsletter", contact_count: 0, _metadata: {} })
    if (call === `DELETE ${list}/contacts`) return takeOff(query)
    if (path === "/v3/marketing/field_definitions" && ["GET", "POST"].includes(method)) return fields(method, body)
    if (call === "PUT /v3/marketing/contacts") return put(body)
    if (call === "POST /v3/marketing/contacts/search/emails") return search(body)
    const [, id] = /^GET \/v3\/marketing\/contacts\/imports\/([\w-]+)$/.exec(call) ?? []
    return id === undefined ? notFound : job(id)
  }

  const emulator: SendGridEmulator = {
    hosts: ["api"],
    credentials: { apiKey, listId },
    refused: { apiKey: "SG.wrong0000000000000000.wrong0000000000000000000000000000000000000", listId },
    answer,
    failures: {
      throttled: tooMany,
      unavailable: { status: 503, body: "<html>Unavailable</html>", headers: { "content-type": "text/html" } },
      unauthorized: error(401, "The provided authorization grant is invalid, expired, or revoked")
    },
    revokeAccess: (revoked) => {
      isRevoked = revoked
    },
    revocations: () => 0,
    marketing,
    scopes: ["mail.send", "marketing.read", "marketing.automation.read"],
    contacts: {
      all: () =>
        Array.from(marketing.contacts.values())
          .filter(({ lists }) => lists.has(listId))
          .map((record) => ({
            id: record.id,
            email: record.email,
            fields: { ...record.own, ...marketing.customByName(record), email: record.email },
            tags: []
          })),
      add: ({ email, fields }) => {
        marketing.add(email, fields, [listId], now)
      },
      refusedValue: { field: "email", value: "not-an-address@nowhere" },
      finishJobs: () => {
        for (const one of marketing.jobs.values()) marketing.finish(one, now)
      }
    }
  }
  return emulator
}
