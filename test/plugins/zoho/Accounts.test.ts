import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { refused, tags, zoho } from "./ZohoStand.ts"

const contactsUpsert = "POST /crm/v8/Contacts/upsert"
const accountsUpsert = "POST /crm/v8/Accounts/upsert"
const isAccounts = ({ path }: { readonly path: string }) => path.endsWith("/Accounts/upsert")

describe("Zoho CRM's companies", () => {
  it.live("are left out, and not asked for again, when the token lacks their scope", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some, lines } = yield* zoho()
      server.inject({ kind: refused(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope"), when: isAccounts })
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1]))), ["Created"])
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([2]))), ["Created"])
      assert.deepStrictEqual(lines(), [accountsUpsert, contactsUpsert, contactsUpsert])
      assert.isTrue(there.all().every(({ fields }) => fields.Account_Name === undefined))
    })
  )

  it.live("that make Zoho refuse the whole call are found", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* zoho()
      server.inject({
        kind: refused(400, "INVALID_DATA", "body"),
        times: 99,
        when: ({ path, body }) => isAccounts({ path }) && body.includes("Odd")
      })
      const batch = [...some([1], { company: "Odd" }), ...some([2], { company: "Engines" })]
      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Created", "Created"])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Account_Name),
        [undefined, "Engines"]
      )
    })
  )

  it.live("that Zoho refuses cost only their own contacts the company", () =>
    Effect.gen(function* () {
      const { contacts, there, some, lines } = yield* zoho()
      const batch = [...some([1], { company: "x".repeat(201) }), ...some([2], { company: "Engines" })]
      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Created", "Created"])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Account_Name),
        [undefined, "Engines"]
      )
      yield* contacts.upsert(some([3], { company: " ENGINES " }))
      assert.deepStrictEqual(lines(2), [contactsUpsert])
      assert.strictEqual(there.all()[2]?.fields.Account_Name, "Engines")
    })
  )

  it.live("fail the call when it is the token that is no good", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho()
      server.inject({ kind: refused(401, "INVALID_TOKEN", "invalid oauth token"), when: isAccounts })
      assert.strictEqual((yield* Effect.flip(contacts.upsert(some([1])))).reason._tag, "Unauthorized")
    })
  )
})
