/** Salesforce on loopback: one org with contacts, leads and accounts, as its REST API answers. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"
import { columns, emulatedOrg, type Fault, type ObjectName, type Row } from "./EmulatedOrg.ts"
import { answerQuery } from "./EmulatedQuery.ts"
import { emulatedTokens } from "./EmulatedTokens.ts"

const Body = Schema.fromJsonString(
  Schema.Struct({
    allOrNone: Schema.optionalKey(Schema.Boolean),
    records: Schema.Array(
      Schema.StructWithRest(Schema.Struct({ attributes: Schema.Struct({ type: Schema.String }) }), [
        Schema.Record(Schema.String, Schema.Unknown)
      ])
    )
  })
)
const decodeBody = Schema.decodeUnknownOption(Body)

const host = "acme.my.salesforce.com"
const token = "00D5e000000Emul!AQ0AQ.emulator.access.token"
const orgId = "00D5e000000EmulEAO"

const refused = (status: number, errorCode: string, message: string): EmulatedAnswer =>
  json(status, [{ message, errorCode }])

const page = (status: number): EmulatedAnswer => ({
  status,
  body: "<html><body>URL No Longer Exists</body></html>",
  headers: { "content-type": "text/html;charset=UTF-8" }
})

const unauthorized = refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
const notFound = refused(404, "NOT_FOUND", "The requested resource does not exist")

const isObject = (name: string): name is ObjectName => Object.hasOwn(columns, name)
const isFault = (saved: Row | Fault): saved is Fault => "statusCode" in saved

/** A new org without contacts, and with the accounts of a few companies. */
export const SalesforceEmulator = (): Emulator => {
  const org = emulatedOrg()
  const oauth = emulatedTokens(`https://${host}`, orgId)
  for (const Name of ["Engines 0", "Engines 1", "Engines 2"]) org.insert("Account", { Name })
  let isRevoked = false
  let revocations = 0
  let used = 45

  const root = (version: string) =>
    json(200, {
      identity: `https://login.salesforce.com/id/${orgId}/0055e000000EmulAAK`,
      limits: `/services/data/${version}/limits`,
      query: `/services/data/${version}/query`,
      sobjects: `/services/data/${version}/sobjects`
    })

  const describe = (object: ObjectName) =>
    json(200, {
      name: object,
      createable: true,
      updateable: true,
      deletable: true,
      fields: columns[object].map(({ name, type, length, required, readOnly, externalId }) => ({
        name,
        label: name.replace(/__c$/, "").replaceAll("_", " "),
        type,
        length,
        nillable: required !== true && type !== "boolean",
        defaultedOnCreate: type === "boolean" || readOnly === true,
        createable: readOnly !== true,
        updateable: readOnly !== true,
        externalId: externalId === true,
        unique: externalId === true,
        idLookup: name === "Id" || name === "Email" || externalId === true
      }))
    })

  /** Saves records one by one. `key` is the external id field of an upsert. */
  const save = ({ method, headers, body }: EmulatedRequest, object?: ObjectName, key?: string): EmulatedAnswer => {
    if (headers["content-type"]?.startsWith("application/json") !== true) {
      return refused(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type")
    }
    const { records } = Option.getOrElse(decodeBody(body), () => ({ records: undefined }))
    if (records === undefined) return refused(400, "JSON_PARSER_ERROR", "The request body can't be read")
    if (records.length > 200) return refused(400, "EXCEEDED_ID_LIMIT", "record limit reached: 200 records a call")
    const allowDuplicates = headers["sforce-duplicate-rule-header"] === "allowSave=true"
    return json(
      200,
      records.map(({ attributes: { type }, id, ...fields }) => {
        const failed = (statusCode: string, message: string) => ({
          success: false,
          errors: [{ statusCode, message, fields: [] }],
          ...(key === undefined ? {} : { created: false })
        })
        if (!isObject(type) || (object !== undefined && type !== object)) return failed("INVALID_TYPE", type)
        if (method === "PATCH" && key === undefined && typeof id !== "string") {
          return failed("MISSING_ARGUMENT", "Id not specified in an update call")
        }
        if ((method === "POST" || key !== undefined) && id !== undefined) {
          return failed("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call")
        }
        if (key !== undefined && (fields[key] === undefined || fields[key] === null)) {
          return failed("MISSING_ARGUMENT", `${key} not specified`)
        }
        const existing =
          key === undefined
            ? org.byId(String(id ?? ""))
            : org.live(type).find((row) => String(row.fields[key]).toLowerCase() === String(fields[key]).toLowerCase())
        if (id !== undefined && existing === undefined) {
          return failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        }
        if (existing?.deleted === true) return failed("ENTITY_IS_DELETED", "entity is deleted")
        const saved = org.save(type, fields, existing, allowDuplicates)
        if (isFault(saved)) return { ...failed("", ""), errors: [saved] }
        const created = key === undefined ? {} : { created: existing === undefined }
        return { id: saved.id, success: true, errors: [], ...created }
      })
    )
  }

  const remove = ({ query }: EmulatedRequest): EmulatedAnswer => {
    const ids = query.get("ids")?.split(",") ?? []
    if (ids.length === 0 || ids.length > 200) return refused(400, "EXCEEDED_ID_LIMIT", "1 to 200 ids a call")
    return json(
      200,
      ids.map((id) => {
        const row = org.byId(id)
        const errors = (statusCode: string, message: string) => [{ statusCode, message, fields: [] }]
        if (row === undefined) {
          return { id, success: false, errors: errors("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id") }
        }
        if (row.deleted) return { id, success: false, errors: errors("ENTITY_IS_DELETED", "entity is deleted") }
        row.deleted = true
        return { id, success: true, errors: [] }
      })
    )
  }

  const revoke = ({ body }: EmulatedRequest): EmulatedAnswer => {
    const given = new URLSearchParams(body).get("token") ?? ""
    const isOwn = !isRevoked && given === token
    if (!isOwn && !oauth.revoke(given)) {
      return json(400, { error: "invalid_token", error_description: "invalid token: the token is not known" })
    }
    if (isOwn) isRevoked = true
    revocations++
    return { status: 200 }
  }

  const api = (request: EmulatedRequest): EmulatedAnswer => {
    const { method, path, query } = request
    const [, version = "", rest = ""] = /^\/services\/data\/(v\d+\.\d)(\/.*)$/.exec(path) ?? []
    if (!/^v(3[1-9]|[45]\d|6[0-8])\.0$/.test(version)) return notFound
    const [, object, key] = /^\/composite\/sobjects\/(\w+)\/(\w+)$/.exec(rest) ?? []
    const [, described] = /^\/sobjects\/(\w+)\/describe$/.exec(rest) ?? []
    if (method === "GET" && rest === "/") return root(version)
    if (method === "GET" && rest === "/limits")
      return json(200, { DailyApiRequests: { Max: 15_000, Remaining: 14_950 } })
    if (method === "GET" && described !== undefined && isObject(described)) return describe(described)
    if (method === "GET" && /^\/query(\/[\w-]+)?$/.test(rest)) {
      return answerQuery(org, version, query.get("q") ?? "", Number(/-(\d+)$/.exec(rest)?.[1] ?? 0))
    }
    if (rest === "/composite/sobjects" && (method === "POST" || method === "PATCH")) return save(request)
    if (rest === "/composite/sobjects" && method === "DELETE") return remove(request)
    if (method === "PATCH" && object !== undefined && key !== undefined && isObject(object)) {
      const isKey = columns[object].some(({ name, externalId }) => name === key && externalId === true)
      return isKey ? save(request, object, key) : notFound
    }
    return notFound
  }

  const answer = (request: EmulatedRequest): EmulatedAnswer => {
    if (request.method === "POST" && request.path === "/services/oauth2/revoke") return revoke(request)
    const signIn = oauth.answer(request)
    if (signIn !== undefined) return signIn
    if (request.host !== host) return page(404)
    const bearer = request.headers.authorization?.replace(/^Bearer /, "") ?? ""
    const isKnown = !isRevoked && (bearer === token || Array.isArray(oauth.scopesOf(bearer, request.now)))
    if (!isKnown) return unauthorized
    used++
    const answered = api(request)
    return { ...answered, headers: { ...answered.headers, "Sforce-Limit-Info": `api-usage=${used}/15000` } }
  }

  const accountOf = (name: unknown) =>
    org.live("Account").find(({ fields }) => fields.Name === name) ?? org.insert("Account", { Name: name })

  return {
    hosts: ["login", "instance"],
    credentials: { accessToken: token, instanceUrl: `https://${host}` },
    refused: { accessToken: "00D5e000000Emul!AQ0AQ.wrong", instanceUrl: `https://${host}` },
    answer,
    failures: {
      throttled: refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
      unavailable: refused(503, "SERVER_UNAVAILABLE", "Server too busy"),
      unauthorized
    },
    revokeAccess: (revoked) => {
      isRevoked = revoked
      oauth.revokeAll(revoked)
    },
    revocations: () => revocations,
    oauth,
    contacts: {
      all: () =>
        [...org.live("Contact"), ...org.live("Lead")].map(({ id, fields: { AccountId, ...fields } }) => {
          const account = org.live("Account").find((row) => row.id === AccountId)
          const company = account === undefined ? {} : { Company: account.fields.Name }
          return { id, email: String(fields.Email ?? ""), fields: { ...fields, ...company }, tags: [] }
        }),
      add: ({ email, fields: { Company, ...fields } }) => {
        const account = Company === undefined ? {} : { AccountId: accountOf(Company).id }
        org.insert("Contact", { LastName: "Unknown", ...fields, ...account, Email: email })
      },
      refusedValue: { field: "email", value: "not-an-address@nowhere" }
    }
  }
}
