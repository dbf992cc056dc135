/** Zoho CRM on loopback: one account with its contacts and companies, as version 8 of the API answers. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"
import { columns, emulatedModule, fault, type Item } from "./EmulatedModule.ts"
import { emulatedTokens } from "./EmulatedTokens.ts"

const Body = Schema.fromJsonString(
  Schema.Struct({
    data: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
    duplicate_check_fields: Schema.optionalKey(Schema.Array(Schema.String)),
    trigger: Schema.optionalKey(Schema.Array(Schema.String))
  })
)
const decodeBody = Schema.decodeUnknownOption(Body)

const host = "www.zohoapis.eu"
const token = "1000.emulator.access.token"

const error = (status: number, code: string, message: string, details: object = {}): EmulatedAnswer =>
  json(status, { code, details, message, status: "error" })

const invalidToken = error(401, "INVALID_TOKEN", "invalid oauth token")
const notFound = error(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")

/** 200 when all is well, 207 when some records failed, 400 when all did. */
const answered = (data: ReadonlyArray<Item>): EmulatedAnswer => {
  const failed = data.filter(({ status }) => status === "error").length
  return json(failed === 0 ? 200 : failed < data.length ? 207 : 400, { data })
}

/** A new account without contacts. */
export const ZohoEmulator = (): Emulator => {
  let next = 1
  let isRevoked = false
  const tokens = emulatedTokens(`https://${host}`)
  const nextId = () => `5725767000000${String(next++).padStart(6, "0")}`
  const accounts = emulatedModule("Accounts", nextId, () => false)
  const accountOf = (id: unknown) => accounts.all().find((row) => row.id === id)
  const contacts = emulatedModule("Contacts", nextId, (id) => accountOf(id) !== undefined)

  const upsert = (module: "Contacts" | "Accounts", { headers, body }: EmulatedRequest): EmulatedAnswer => {
    if (headers["content-type"]?.startsWith("application/json") !== true) {
      return error(415, "UNSUPPORTED_MEDIA_TYPE", "unsupported media type")
    }
    const { data, duplicate_check_fields } = Option.getOrElse(decodeBody(body), () => ({
      data: undefined,
      duplicate_check_fields: undefined
    }))
    if (data === undefined) return error(400, "INVALID_DATA", "body", { expected_data_type: "jsonobject" })
    if (data.length === 0 || data.length > 100) {
      return error(400, "INVALID_DATA", "invalid data", { maximum_length: 100, api_name: "data", json_path: "$.data" })
    }
    const key = module === "Contacts" ? "Email" : "Account_Name"
    const foreign = (duplicate_check_fields ?? []).find((name) => name !== key)
    if (foreign !== undefined) {
      return error(400, "INVALID_DATA", "the field is not unique", { api_name: "duplicate_check_fields" })
    }
    const target = module === "Contacts" ? contacts : accounts
    return answered(data.map((fields, index) => target.upsert(fields, key, `$.data[${index}]`)))
  }

  const shown = ({ id, fields: { Account_Name, ...fields } }: { id: string; fields: Record<string, unknown> }) => {
    const account = accountOf(typeof Account_Name === "object" && Account_Name ? Object.values(Account_Name)[0] : "")
    return {
      id,
      ...fields,
      Account_Name: account === undefined ? null : { name: account.fields.Account_Name, id: account.id }
    }
  }

  const list = ({ query }: EmulatedRequest): EmulatedAnswer => {
    const names = query.get("fields")?.split(",") ?? []
    const perPage = Number(query.get("per_page") ?? 200)
    const page = Number(query.get("page") ?? 1)
    if (names.length === 0) return error(400, "REQUIRED_PARAM_MISSING", "required param missing", { param: "fields" })
    if (names.length > 50 || !(perPage >= 1 && perPage <= 200)) {
      return error(400, "INVALID_DATA", "invalid parameter", { param: "per_page" })
    }
    const from = (page - 1) * perPage
    const rows = contacts.all().slice(from, from + perPage)
    // Nothing there has no body.
    if (rows.length === 0) return { status: 204 }
    const more_records = contacts.all().length > from + perPage
    const data = rows.map((row) =>
      Object.fromEntries(Object.entries(shown(row)).filter(([name]) => name === "id" || names.includes(name)))
    )
    return json(200, { data, info: { per_page: perPage, count: rows.length, page, more_records } })
  }

  const fields = () =>
    json(200, {
      fields: columns.Contacts.map((column) => ({
        system_mandatory: false,
        ...column,
        // Either of the two flags alone keeps a field from being written.
        read_only: column.api_name === "Full_Name",
        field_label: column.api_name.replaceAll("_", " "),
        field_read_only: column.api_name === "Modified_Time",
        operation_type: { web_create: true, web_update: true, api_create: true, api_update: true },
        visible: true
      }))
    })

  const remove = ({ query }: EmulatedRequest): EmulatedAnswer => {
    const ids = query.get("ids")?.split(",") ?? []
    if (ids.length === 0 || ids.length > 100) {
      return error(400, "INVALID_DATA", "invalid parameter", { param: "ids", maximum_length: 100 })
    }
    return answered(
      ids.map((id) => (/^\d{15,20}$/.test(id) ? contacts.remove(id) : fault("INVALID_DATA", "ids", { id })))
    )
  }

  const user = {
    id: "5725767000000000400",
    full_name: "Grace Hopper",
    email: "grace@example.com",
    status: "active",
    zuid: "20061234567"
  }
  const org = { id: "5725767000000000500", zgid: "20061234568", company_name: "Emulated Ltd", iso_code: "GBP" }

  const answer = (request: EmulatedRequest): EmulatedAnswer => {
    const answered = tokens.answer(request)
    if (answered !== undefined) return answered
    const { method, path, query, headers, now } = request
    const [scheme, given] = headers.authorization?.split(" ") ?? []
    if (scheme !== "Zoho-oauthtoken") return error(401, "AUTHENTICATION_FAILURE", "Authentication failed")
    // Tokens are bound to a data centre and to an environment.
    const isKnown = !isRevoked && (given === token || Array.isArray(tokens.oauth.scopesOf(given ?? "", now)))
    if (!isKnown || request.host !== host) return invalidToken
    switch (`${method} ${path}`) {
      case "GET /crm/v8/users":
        return query.get("type") === "CurrentUser" ? json(200, { users: [user], info: { count: 1 } }) : notFound
      case "GET /crm/v8/org":
        return json(200, { org: [org] })
      case "GET /crm/v8/settings/fields":
        return query.get("module") === "Contacts" ? fields() : error(400, "INVALID_MODULE", "the module is invalid")
      case "GET /crm/v8/Contacts":
        return list(request)
      case "POST /crm/v8/Contacts/upsert":
        return upsert("Contacts", request)
      case "POST /crm/v8/Accounts/upsert":
        return upsert("Accounts", request)
      case "DELETE /crm/v8/Contacts":
        return remove(request)
      default:
        return notFound
    }
  }

  const accountNamed = (name: unknown) =>
    accounts.all().find((row) => row.fields.Account_Name === name) ?? accounts.insert({ Account_Name: name })

  return {
    hosts: ["api", "accounts"],
    credentials: { accessToken: token, apiDomain: `https://${host}` },
    refused: { accessToken: "1000.emulator.wrong.token", apiDomain: `https://${host}` },
    answer,
    failures: {
      throttled: error(429, "TOO_MANY_REQUESTS", "You have reached the maximum number of requests"),
      unavailable: error(500, "INTERNAL_ERROR", "Internal Server Error"),
      unauthorized: invalidToken
    },
    revokeAccess: (revoked) => {
      isRevoked = revoked
      tokens.oauth.revokeAll(revoked)
    },
    revocations: tokens.revocations,
    oauth: tokens.oauth,
    contacts: {
      all: () =>
        contacts.all().map((row) => {
          const { id, Account_Name, ...fields } = { ...row.fields, ...shown(row) }
          const company = Account_Name === null ? {} : { Account_Name: Account_Name.name }
          return { id, email: String(row.fields.Email ?? ""), fields: { ...fields, ...company }, tags: [] }
        }),
      add: ({ email, fields: { Account_Name, ...fields } }) => {
        const account = Account_Name === undefined ? {} : { Account_Name: { id: accountNamed(Account_Name).id } }
        contacts.insert({ Last_Name: "Unknown", ...fields, ...account, Email: email })
      },
      refusedValue: { field: "email", value: "not-an-address@nowhere" }
    }
  }
}
