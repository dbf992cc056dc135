/** Acme on loopback: as strict as the provider is, so that a wrong request fails here and not in production. */
import { type EmulatedAnswer, type Emulator, json } from "nexus-integrations/plugin/testing"

interface Contact {
  readonly id: string
  fields: Readonly<Record<string, unknown>>
}

const apiKey = "acme_emulator_key_1234567890"
const unauthorized = json(401, { error: "invalid_key" })
const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

/** A new account without contacts. */
export const AcmeEmulator = (): Emulator => {
  const contacts = new Map<string, Contact>()
  let isRevoked = false

  const put = (fields: Readonly<Record<string, unknown>>) => {
    const email = String(fields.email ?? "").toLowerCase()
    if (!address.test(email)) return { error: `The address ${email} is not valid` }
    const known = contacts.get(email)
    const contact = known ?? { id: String(contacts.size + 1), fields: {} }
    contact.fields = { ...contact.fields, ...fields, email }
    contacts.set(email, contact)
    return { id: contact.id, isNew: known === undefined }
  }

  const upsert = (body: string): EmulatedAnswer => {
    const { contacts: given } = JSON.parse(body)
    if (!Array.isArray(given) || given.length > 100) return json(400, { error: "send a list of up to 100 contacts" })
    return json(200, { results: given.map(put) })
  }

  return {
    hosts: ["api"],
    credentials: { apiKey },
    refused: { apiKey: "acme_emulator_wrong_key" },
    answer: ({ method, path, headers, body }) => {
      if (isRevoked || headers.authorization !== `Bearer ${apiKey}`) return unauthorized
      if (method === "GET" && path === "/me") return json(200, { id: "acme-1", name: "Acme Ltd" })
      if (method === "PUT" && path === "/contacts") return upsert(body)
      return json(404, { error: "not_found" })
    },
    failures: { throttled: json(429, { error: "slow_down" }), unavailable: json(503, {}), unauthorized },
    revokeAccess: (revoked) => {
      isRevoked = revoked
    },
    revocations: () => 0,
    contacts: {
      all: () => Array.from(contacts, ([email, { id, fields }]) => ({ id, email, fields, tags: [] })),
      add: ({ email, fields }) => {
        put({ ...fields, email })
      },
      refusedValue: { field: "email", value: "not-an-address@nowhere" }
    }
  }
}
