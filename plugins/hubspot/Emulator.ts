/** HubSpot on loopback: one account with its contacts, as CRM v3 answers. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"
import { emulatedTokens } from "./EmulatedTokens.ts"

interface Contact {
  readonly id: string
  properties: Record<string, string | null>
  archived: boolean
}

const Batch = Schema.fromJsonString(
  Schema.Struct({
    inputs: Schema.Array(
      Schema.Struct({
        id: Schema.optionalKey(Schema.String),
        objectWriteTraceId: Schema.optionalKey(Schema.String),
        properties: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
      })
    )
  })
)
type Input = (typeof Batch.Type)["inputs"][number]
const decodeBatch = Schema.decodeUnknownOption(Batch)

const names = ["email", "firstname", "lastname", "phone", "company", "jobtitle"]
const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const token = "pat-na1-emulator-11111111-2222-3333"

const error = (status: number, category: string, message: string, more: object = {}): EmulatedAnswer =>
  json(status, { status: "error", message, category, correlationId: "c0ffee00-0000-4000-8000-000000000000", ...more })

const unauthorized = error(
  401,
  "INVALID_AUTHENTICATION",
  "Authentication credentials not found. This API supports OAuth 2.0 authentication"
)

const expired = error(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired")

/** A new account without contacts. */
export const HubSpotEmulator = (): Emulator => {
  const contacts: Array<Contact> = []
  let nextId = 101
  let isRevoked = false
  const tokens = emulatedTokens()

  const byEmail = (email: string) =>
    contacts.find(
      ({ archived, properties: { email: first, hs_additional_emails: more } }) =>
        !archived && [first, ...(more ?? "").split(";")].includes(email.toLowerCase())
    )
  const byId = (id: string) => contacts.find((contact) => !contact.archived && contact.id === id)

  const shown = ({ id, properties }: Contact, input: Input = {}) => ({
    id,
    properties: { ...properties, hs_object_id: id },
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    archived: false,
    ...(input.objectWriteTraceId === undefined ? {} : { objectWriteTraceId: input.objectWriteTraceId })
  })

  const answered = (results: ReadonlyArray<object>, errors: ReadonlyArray<object>, ok: number) =>
    json(errors.length === 0 ? ok : 207, {
      status: "COMPLETE",
      results,
      ...(errors.length === 0 ? {} : { numErrors: errors.length, errors }),
      startedAt: "2026-01-01T00:00:00.000Z",
      completedAt: "2026-01-01T00:00:00.000Z"
    })

  const store = (input: Input): Contact => {
    const contact = { id: String(nextId++), properties: {}, archived: false }
    contacts.push(contact)
    return merge(contact, input)
  }
  const merge = (contact: Contact, { properties = {} }: Input): Contact => {
    contact.properties = { ...contact.properties, ...properties }
    contact.properties.email = contact.properties.email?.toLowerCase() ?? null
    return contact
  }

  /** What is wrong with the properties of one input. HubSpot refuses the whole batch for it. */
  const invalid = ({ properties = {} }: Input): string | undefined => {
    const unknown = Object.keys(properties).find((name) => !names.includes(name))
    if (unknown !== undefined) return `Property "${unknown}" does not exist`
    if (properties.email !== undefined && !address.test(properties.email)) {
      return `Property values were not valid: Email address ${properties.email} is invalid`
    }
    return undefined
  }

  const create = (inputs: ReadonlyArray<Input>) => {
    const fault = inputs.map(invalid).find((found) => found !== undefined)
    if (fault !== undefined) return error(400, "VALIDATION_ERROR", fault)
    const results: Array<object> = []
    const errors: Array<object> = []
    for (const input of inputs) {
      const existing = byEmail(input.properties?.email ?? "")
      if (existing === undefined) results.push(shown(store(input), input))
      else {
        errors.push({
          status: "error",
          category: "CONFLICT",
          message: `Contact already exists. Existing ID: ${existing.id}`,
          context: { objectWriteTraceId: [input.objectWriteTraceId] }
        })
      }
    }
    return answered(results, errors, 201)
  }

  const update = (inputs: ReadonlyArray<Input>) => {
    const fault = inputs.map(invalid).find((found) => found !== undefined)
    if (fault !== undefined) return error(400, "VALIDATION_ERROR", fault)
    const found = inputs.map((input) => ({ input, contact: byId(input.id ?? "") }))
    const missing = found.filter(({ contact }) => contact === undefined).map(({ input }) => input.id)
    const results = found.flatMap(({ contact, input }) => (contact ? [shown(merge(contact, input), input)] : []))
    const errors = missing.length === 0 ? [] : [notFound(missing)]
    return answered(results, errors, 200)
  }

  const notFound = (ids: ReadonlyArray<string | undefined>) => ({
    status: "error",
    category: "OBJECT_NOT_FOUND",
    message: "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
    context: { ids }
  })

  const read = (inputs: ReadonlyArray<Input>) => {
    const found = inputs.map((input) => ({ input, contact: byEmail(input.id ?? "") }))
    const missing = found.filter(({ contact }) => contact === undefined).map(({ input }) => input.id)
    const results = found.flatMap(({ contact }) => (contact ? [shown(contact)] : []))
    return answered(results, missing.length === 0 ? [] : [notFound(missing)], 200)
  }

  const archive = (inputs: ReadonlyArray<Input>) => {
    for (const { id } of inputs) {
      const contact = byId(id ?? "")
      if (contact !== undefined) contact.archived = true
    }
    return { status: 204 }
  }

  const operations = new Map([
    ["read", read],
    ["create", create],
    ["update", update],
    ["archive", archive]
  ])

  const batch = (operation: string, body: string): EmulatedAnswer => {
    const run = operations.get(operation)
    const { inputs } = Option.getOrElse(decodeBatch(body), () => ({ inputs: undefined }))
    if (run === undefined)
      return { status: 404, body: "<html>Not found</html>", headers: { "content-type": "text/html" } }
    if (inputs === undefined) return error(400, "VALIDATION_ERROR", "Invalid input JSON")
    if (inputs.length > 100) return error(400, "VALIDATION_ERROR", "The batch is limited to 100 records")
    return run(inputs)
  }

  const refusalOf = (bearer: string, now: number): EmulatedAnswer | undefined => {
    const scopes = tokens.oauth.scopesOf(bearer, now)
    if (scopes === "expired") return expired
    return !isRevoked && (bearer === token || scopes !== undefined) ? undefined : unauthorized
  }

  const answer = (request: EmulatedRequest): EmulatedAnswer => {
    const answered = tokens.answer(request)
    if (answered !== undefined) return answered
    const { method, path, headers, body, now } = request
    const refusal = refusalOf(headers.authorization?.replace(/^Bearer /, "") ?? "", now)
    if (refusal !== undefined) return refusal
    if (method === "GET" && path === "/account-info/v3/details") {
      return json(200, {
        portalId: 12_345_678,
        accountType: "STANDARD",
        timeZone: "US/Eastern",
        uiDomain: "app.hubspot.com"
      })
    }
    if (method === "GET" && path === "/crm/v3/objects/contacts") {
      return json(200, {
        results: contacts
          .filter(({ archived }) => !archived)
          .slice(0, 1)
          .map((one) => shown(one))
      })
    }
    if (method === "GET" && path === "/crm/v3/properties/contacts") {
      const own = names.map((name) => ({
        name,
        label: name,
        type: "string",
        fieldType: "text",
        groupName: "contactinformation"
      }))
      const derived = {
        name: "hs_object_id",
        label: "Record ID",
        type: "number",
        modificationMetadata: { readOnlyValue: true }
      }
      return json(200, { results: [...own, derived] })
    }
    const [, operation] = /^\/crm\/v3\/objects\/contacts\/batch\/(\w+)$/.exec(path) ?? []
    if (method === "POST" && operation !== undefined) return batch(operation, body)
    return { status: 404, body: "<html>Not found</html>", headers: { "content-type": "text/html" } }
  }

  return {
    hosts: ["api", "accounts"],
    credentials: { accessToken: token },
    refused: { accessToken: "pat-na1-emulator-wrong" },
    answer,
    failures: {
      throttled: json(429, {
        status: "error",
        message: "You have reached your ten_secondly_rolling limit.",
        errorType: "RATE_LIMIT",
        policyName: "TEN_SECONDLY_ROLLING"
      }),
      unavailable: { status: 502, body: "<html>Bad gateway</html>", headers: { "content-type": "text/html" } },
      unauthorized
    },
    revokeAccess: (revoked) => {
      isRevoked = revoked
      tokens.oauth.revokeAll(revoked)
    },
    revocations: tokens.revocations,
    oauth: tokens.oauth,
    contacts: {
      all: () =>
        contacts
          .filter(({ archived }) => !archived)
          .map(({ id, properties }) => ({ id, email: properties.email ?? "", fields: properties, tags: [] })),
      add: ({ email, fields }) => {
        store({
          properties: {
            ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)])),
            email
          }
        })
      },
      refusedValue: { field: "email", value: "not-an-address@nowhere" }
    }
  }
}
