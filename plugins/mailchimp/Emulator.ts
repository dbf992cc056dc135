/** Mailchimp on loopback: one account with one audience, as the Marketing API 3.0 answers. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"
import {
  invalid,
  notFound,
  notRemovable,
  problem,
  shown,
  tooMany,
  unauthorized,
  unreadable
} from "./EmulatedAnswers.ts"
import { EmulatedAudience } from "./EmulatedAudience.ts"

const Member = Schema.Struct({
  email_address: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(Schema.String),
  status_if_new: Schema.optionalKey(Schema.String),
  merge_fields: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})
const Batch = Schema.Struct({
  members: Schema.Array(Member),
  update_existing: Schema.optionalKey(Schema.Boolean),
  sync_tags: Schema.optionalKey(Schema.Boolean)
})
const Tags = Schema.Struct({
  tags: Schema.Array(Schema.Struct({ name: Schema.String, status: Schema.Literals(["active", "inactive"]) })),
  is_syncing: Schema.optionalKey(Schema.Boolean)
})
const MergeField = Schema.Struct({ tag: Schema.String, name: Schema.String, type: Schema.String })

const parse = <A>(schema: Schema.Codec<A, unknown>, body: string) =>
  Option.getOrUndefined(Schema.decodeOption(Schema.fromJsonString(schema))(body))

const apiKey = "0123456789abcdef0123456789abcdef-us6"
const audienceId = "a1b2c3d4e5"
const root = `/3.0/lists/${audienceId}`
const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]

export interface MailchimpEmulator extends Emulator {
  /** The audience, to change what its people and its owner change: who leaves, who is archived, double opt-in. */
  readonly audience: EmulatedAudience
}

/** A new account with an empty audience. */
export const MailchimpEmulator = (): MailchimpEmulator => {
  const audience = new EmulatedAudience()
  let isRevoked = false

  const addMany = (body: string): EmulatedAnswer => {
    const batch = parse(Batch, body)
    if (batch === undefined) return unreadable
    if (batch.members.length > 500) return invalid("members", "This collection should not have more than 500 elements.")
    const unknown = batch.members.findIndex(({ status }) => status === undefined || !statuses.includes(status))
    if (unknown >= 0) return invalid(`members.item:${unknown}.status`, "The value you have provided is not valid.")
    const created: Array<object> = []
    const updated: Array<object> = []
    const errors: Array<object> = []
    for (const one of batch.members) {
      const { email_address = "", status = "" } = one
      const member = audience.find(email_address)
      // An archived contact counts as gone and comes back: the worst of what the documentation leaves open.
      const isThere = member !== undefined && member.status !== "archived"
      const refusal = audience.refusal(one, member, status)
      const refuse = (error_code: string, error: string) =>
        errors.push({ email_address, error, error_code, field: "", field_message: "" })
      if (isThere && batch.update_existing !== true) {
        refuse(
          "ERROR_CONTACT_EXISTS",
          `${email_address} is already a list member, do you want to update? please provide update_existing:true in the request body`
        )
      } else if (refusal !== undefined) refuse("ERROR_GENERIC", refusal.detail)
      else (isThere ? updated : created).push(shown(audience.write(one, status)))
    }
    return json(200, {
      new_members: created,
      updated_members: updated,
      errors,
      total_created: created.length,
      total_updated: updated.length,
      error_count: errors.length,
      _links: []
    })
  }

  const put = (id: string, body: string): EmulatedAnswer => {
    const one = parse(Member, body)
    if (one === undefined) return unreadable
    if (one.email_address === undefined) return invalid("email_address", "Schema describes string, NULL found instead")
    const member = audience.members.get(id)
    const status = one.status ?? member?.status ?? one.status_if_new
    if (status === undefined) return invalid("status_if_new", "This value should not be blank.")
    const refusal = audience.refusal(one, member, status)
    return refusal === undefined
      ? json(200, shown(audience.write(one, status)))
      : problem(400, refusal.title, refusal.detail)
  }

  const archive = (id: string): EmulatedAnswer => {
    const member = audience.members.get(id)
    if (member === undefined) return notFound
    if (["cleaned", "pending", "archived"].includes(member.status)) return notRemovable
    member.status = "archived"
    return { status: 204 }
  }

  const tag = (id: string, body: string): EmulatedAnswer => {
    const member = audience.members.get(id)
    const wanted = parse(Tags, body)
    if (wanted === undefined) return unreadable
    if (member === undefined) return notFound
    for (const { name, status } of wanted.tags) audience.tag(member, name, status === "active")
    return { status: 204 }
  }

  const memberCall = ({ method, body }: EmulatedRequest, id: string, rest: string): EmulatedAnswer => {
    const member = audience.members.get(id)
    if (method === "POST" && rest === "/tags") return tag(id, body)
    if (rest !== "") return notFound
    if (method === "GET") return member === undefined ? notFound : json(200, shown(member))
    if (method === "PUT") return put(id, body)
    if (method === "DELETE") return archive(id)
    return problem(405, "Method Not Allowed", "The requested method and resource are not compatible.")
  }

  const list = (query: URLSearchParams): EmulatedAnswer => {
    const count = Number(query.get("count") ?? 10)
    const offset = Number(query.get("offset") ?? 0)
    if (!(count >= 0 && count <= 1000)) return invalid("count", "This value should be 1000 or less.")
    const status = query.get("status")
    const found = Array.from(audience.members.values()).filter((member) =>
      status === null ? member.status !== "archived" : member.status === status
    )
    const members = found.slice(offset, offset + count).map(shown)
    return json(200, { members, list_id: audienceId, total_items: found.length, _links: [] })
  }

  const mergeFields = ({ method, body, query }: EmulatedRequest): EmulatedAnswer => {
    if (method === "GET") {
      const merge_fields = audience.fields.slice(0, Number(query.get("count") ?? 10))
      return json(200, { merge_fields, list_id: audienceId, total_items: audience.fields.length })
    }
    const wanted = parse(MergeField, body)
    if (method !== "POST" || wanted === undefined) return unreadable
    if (wanted.tag.length > 10) return invalid("tag", "Merge tags are at most 10 characters.")
    const field = audience.addField(wanted.tag, wanted.name, wanted.type)
    return field === undefined
      ? problem(400, "Bad Request", `A Merge Field with the tag "${wanted.tag}" already exists for this list.`)
      : json(200, { ...field, list_id: audienceId })
  }

  const answer = (request: EmulatedRequest): EmulatedAnswer => {
    const { method, path, query, headers, host, body } = request
    if (host !== "us6.api.mailchimp.com") return { status: 404, body: "<html>No such host</html>" }
    const [scheme, encoded = ""] = (headers.authorization ?? "").split(" ")
    const key = scheme === "Basic" ? atob(encoded).split(":").slice(1).join(":") : scheme === "Bearer" ? encoded : ""
    if (isRevoked || key !== apiKey) return unauthorized
    if (method === "GET" && path === "/3.0/") {
      return json(200, { account_id: "8d3a3db4d97663a9074efcc16", account_name: "Engines Ltd", role: "owner" })
    }
    if (method === "GET" && path === "/3.0/ping") return json(200, { health_status: "Everything's Chimpy!" })
    if (!path.startsWith(root)) return notFound
    const rest = path.slice(root.length)
    if (method === "POST" && rest === "") return addMany(body)
    if (method === "GET" && rest === "") {
      const total = query.get("include_total_contacts") === "true" ? { total_contacts: audience.members.size } : {}
      const stats = { member_count: audience.members.size, ...total }
      return json(200, { id: audienceId, name: "Newsletter", double_optin: audience.doubleOptIn, stats })
    }
    if (rest === "/merge-fields") return mergeFields(request)
    if (method === "GET" && rest === "/members") return list(query)
    const [, id, more = ""] = /^\/members\/([0-9a-f]{32})(\/.*)?$/.exec(rest) ?? []
    return id === undefined ? notFound : memberCall(request, id, more)
  }

  return {
    hosts: ["api"],
    credentials: { apiKey, audienceId },
    refused: { apiKey: "ffffffffffffffffffffffffffffffff-us6", audienceId },
    answer,
    failures: {
      throttled: tooMany,
      unavailable: { status: 502, body: "<html>Bad gateway</html>", headers: { "content-type": "text/html" } },
      unauthorized
    },
    revokeAccess: (revoked) => {
      isRevoked = revoked
    },
    revocations: () => 0,
    audience,
    contacts: {
      all: () =>
        Array.from(audience.members.values())
          .filter(({ status }) => status !== "archived")
          .map(({ id, email_address, status, merge_fields, tags }) => ({
            id,
            email: email_address,
            fields: { ...merge_fields, email_address, status },
            tags: tags.map(({ name }) => name)
          })),
      add: ({ email, fields }) => {
        const status = typeof fields.status === "string" ? fields.status : "subscribed"
        audience.write({ email_address: email, merge_fields: fields }, status)
      },
      refusedValue: { field: "email", value: "not-an-address@nowhere" }
    }
  }
}
