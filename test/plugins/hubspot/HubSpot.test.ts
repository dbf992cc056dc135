import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exampleContact, makeStand } from "nexus-integrations/plugin/testing"
import { HubSpotEmulator } from "../../../plugins/hubspot/Emulator.ts"
import { HubSpotPlugin } from "../../../plugins/hubspot/HubSpot.ts"

const stand = makeStand(HubSpotPlugin, HubSpotEmulator)

describe("HubSpot", () => {
  it.live("names the account, and proves that contacts may be read", () =>
    Effect.gen(function* () {
      const { session, server } = yield* stand
      const account = yield* (yield* session()).verify
      assert.deepStrictEqual(account, { id: "12345678", label: "HubSpot 12345678 (app.hubspot.com)" })
      assert.deepStrictEqual(
        server.requests.map(({ method, path }) => `${method} ${path}`),
        ["GET /account-info/v3/details", "GET /crm/v3/objects/contacts"]
      )
      assert.strictEqual(server.requests[1]?.query.get("limit"), "1")
    })
  )

  it.live("creates what is missing, updates what differs, and leaves the rest alone", () =>
    Effect.gen(function* () {
      const { session, server, provider, emulator } = yield* stand
      const { contacts } = yield* session()
      assert.isDefined(contacts)
      emulator.contacts?.add({ email: "ada.1@example.com", fields: { firstname: "Old", lastname: "Kept" } })
      const batch = [1, 2].map((n) => exampleContact(provider, n, n === 1 ? { lastName: "" } : {}))

      const first = yield* contacts.upsert(batch)
      assert.deepStrictEqual(
        first.map(({ _tag }) => _tag),
        ["Updated", "Created"]
      )
      const kept = emulator.contacts?.all().find(({ email }) => email === "ada.1@example.com")
      assert.strictEqual(kept?.fields.firstname, "Ada 1")
      assert.strictEqual(kept?.fields.lastname, "Kept")

      const before = server.requests.length
      const second = yield* contacts.upsert(batch)
      assert.deepStrictEqual(
        second.map(({ _tag }) => _tag),
        ["Unchanged", "Unchanged"]
      )
      assert.deepStrictEqual(
        server.requests.slice(before).map(({ path }) => path),
        ["/crm/v3/objects/contacts/batch/read"]
      )
    })
  )

  it.live("finds the one bad contact of a batch that is refused whole", () =>
    Effect.gen(function* () {
      const { session, provider, emulator } = yield* stand
      const { contacts } = yield* session()
      assert.isDefined(contacts)
      const batch = [1, 2, 3, 4, 5].map((n) =>
        exampleContact(provider, n, n === 3 ? { email: "not-an-address@nowhere" } : {})
      )
      const outcomes = yield* contacts.upsert(batch)
      assert.deepStrictEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Created", "Created", "Rejected", "Created", "Created"]
      )
      assert.strictEqual(emulator.contacts?.all().length, 4)
    })
  )

  it.live("tells refused credentials from an outage", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* stand
      const refused = yield* Effect.flip((yield* session(emulator.refused)).verify)
      assert.strictEqual(refused.reason._tag, "Unauthorized")
      server.inject({ kind: emulator.failures.unavailable })
      const down = yield* Effect.flip((yield* session()).verify)
      assert.strictEqual(down.reason._tag, "Unavailable")
      server.inject({ kind: "cut" })
      const cut = yield* Effect.flip((yield* session()).verify)
      assert.strictEqual(cut.reason._tag, "Unavailable")
    })
  )
})
