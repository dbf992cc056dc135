import { json } from "nexus-integrations/plugin/testing"

const apiKey = "outside-emulator-1234567890"
const unauthorized = json(401, { error: "invalid key" })

export const OutsideEmulator = () => {
  const contacts = new Map()
  let isRevoked = false

  const put = (fields) => {
    if (!/^[^@]+@[^@]+\.[^@]+$/.test(fields.email)) return { id: null, isNew: false }
    const known = contacts.get(fields.email)
    const contact = { id: known?.id ?? `o${contacts.size + 1}`, fields: { ...known?.fields, ...fields } }
    contacts.set(fields.email, contact)
    return { id: contact.id, isNew: known === undefined }
  }

  return {
    hosts: ["api"],
    credentials: { apiKey },
    refused: { apiKey: "outside-wrong-1234567890" },
    answer: ({ method, path, headers, body }) => {
      if (isRevoked || headers.authorization !== `Bearer ${apiKey}`) return unauthorized
      if (method === "GET" && path === "/me") return json(200, { id: "outside-1", name: "Outside Inc" })
      if (method === "GET" && path === "/contacts")
        return json(
          200,
          Array.from(contacts.values(), ({ fields }) => fields)
        )
      if (method !== "PUT" || path !== "/contacts") return json(404, { error: "not found" })
      const { contacts: given } = JSON.parse(body)
      return given.length > 2 ? json(400, { error: "too many" }) : json(200, { results: given.map(put) })
    },
    failures: { throttled: json(429, { error: "slow down" }), unavailable: json(503, {}), unauthorized },
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
