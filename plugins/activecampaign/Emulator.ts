/** ActiveCampaign on loopback, as its documentation says, and stricter where it passes over what it doesn't know. */
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"
import { EmulatedAccount } from "./EmulatedAccount.ts"
import { EmulatedImports, type ImportOptions } from "./EmulatedImports.ts"

const accountUrl = "https://nexus.api-us1.com"
const apiKey = "0123456789ab".repeat(6)

const forbidden = json(403, { message: "Forbidden" })
const missing = json(404, { message: "No Result found for Subscriber with id 0" })

const refuse = (title: string, code: string, pointer: string) =>
  json(422, { errors: [{ title, detail: "", code, source: { pointer: `/data/attributes/${pointer}` } }] })

const fieldsOfAccount = [
  { id: "1", title: "Plan", type: "dropdown", perstag: "PLAN" },
  { id: "2", title: "Seats", type: "number", perstag: "SEATS" }
]

const associate = (account: EmulatedAccount, body: string): EmulatedAnswer => {
  const { contact, account: company, jobTitle } = JSON.parse(body).accountContact ?? {}
  if (company === undefined) return refuse("The account attribute was not provided", "field_missing", "account")
  if (account.associationOf(String(contact)) !== undefined) {
    return refuse("This contact is already associated with an account.", "field_invalid", "account,contact")
  }
  return json(201, { accountContact: account.associate(String(contact), String(company), jobTitle ?? null) })
}

const retitle = (account: EmulatedAccount, id: string, body: string): EmulatedAnswer => {
  const association = account.associations.get(id)
  if (association === undefined) return json(404, { message: `No Result found for AccountContact with id ${id}` })
  const { jobTitle } = JSON.parse(body).accountContact ?? {}
  if (typeof jobTitle !== "string" || jobTitle.length > 255) {
    return refuse("The job title is not valid", "field_invalid", "jobTitle")
  }
  association.jobTitle = jobTitle
  return json(200, { accountContact: association })
}

const list = (account: EmulatedAccount, query: URLSearchParams): EmulatedAnswer => {
  const ids = query.getAll("ids[]")
  const email = query.get("email")
  const limit = Number(query.get("limit") ?? 20)
  if (limit > 100) return json(400, { message: "The limit is 100" })
  const found = Array.from(account.contacts.values()).filter(
    (contact) => (ids.length === 0 || ids.includes(contact.id)) && (email === null || contact.email === email)
  )
  if (query.get("orders[id]")?.toUpperCase() === "DESC") found.reverse()
  const contacts = found.slice(0, limit).map(({ id, email, values }) => ({
    id,
    email,
    firstName: values.first_name ?? "",
    lastName: values.last_name ?? "",
    phone: values.phone ?? ""
  }))
  return json(200, { contacts, meta: { total: String(found.length) } })
}

const answer = (account: EmulatedAccount, imports: EmulatedImports, request: EmulatedRequest): EmulatedAnswer => {
  const { method, path, query, body, now } = request
  const [, resource = "", id] = /^\/api\/3\/(users\/me|import\/\w+|\w+)(?:\/(\d+))?$/.exec(path) ?? []
  if (method !== "GET" && method !== "DELETE" && request.headers["content-type"] !== "application/json") {
    return json(400, { message: "Send JSON" })
  }
  switch (`${method} ${resource}${id === undefined ? "" : "/id"}`) {
    case "GET users/me":
      return json(200, { user: { id: "1", username: "ada", email: "ada@example.com", firstName: "Ada" } })
    case "GET fields":
      return json(200, {
        fields: query.get("offset") === "0" ? fieldsOfAccount : [],
        meta: { total: String(fieldsOfAccount.length) }
      })
    case "GET contacts":
      return list(account, query)
    case "DELETE contacts/id":
      return account.remove(id ?? "") ? json(200, {}) : missing
    case "POST import/bulk_import":
      return imports.queue(body, now)
    case "GET import/info":
      return imports.info(query.get("batchId"))
    case "GET accounts": {
      const search = (query.get("search") ?? "").toLowerCase()
      const accounts = Array.from(account.companies, ([id, name]) => ({ id, name }))
      return json(200, { accounts: accounts.filter(({ name }) => name.toLowerCase().includes(search)) })
    }
    case "GET accountContacts": {
      const association = account.associationOf(query.get("filters[contact]") ?? "")
      return json(200, { accountContacts: association === undefined ? [] : [association] })
    }
    case "POST accountContacts":
      return associate(account, body)
    case "PUT accountContacts/id":
      return retitle(account, id ?? "", body)
    default:
      return json(404, { message: "No Result found" })
  }
}

/** A new account without contacts. Its imports take as many looks, and link companies, as `options` say. */
export const ActiveCampaignEmulator = (options: ImportOptions = {}): Emulator => {
  const account = new EmulatedAccount()
  const imports = new EmulatedImports(account, options)
  let isRevoked = false
  return {
    hosts: ["api"],
    credentials: { accountUrl, apiKey },
    refused: { accountUrl, apiKey: "ba9876543210".repeat(6) },
    answer: (request) => {
      if (isRevoked || request.headers["api-token"] !== apiKey) return forbidden
      if (request.host !== new URL(accountUrl).host) return json(404, { message: "No such account" })
      return answer(account, imports, request)
    },
    failures: {
      throttled: json(429, { message: "Too Many Requests" }, { "retry-after": "1" }),
      unavailable: json(503, { message: "Service Unavailable" }),
      unauthorized: forbidden
    },
    revokeAccess: (revoked) => {
      isRevoked = revoked
    },
    revocations: () => 0,
    contacts: {
      all: () => account.all(),
      add: ({ email, fields }) => account.put({ ...fields, email }),
      refusedValue: { field: "email", value: "not-an-address@nowhere" },
      finishJobs: () => imports.finish()
    }
  }
}
