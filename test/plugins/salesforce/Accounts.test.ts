import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { refused, salesforce, tags } from "./SalesforceStand.ts"

describe("Salesforce's companies", () => {
  it.live("are looked up among the accounts, once each, and left out where there is none", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      const batch = [...some([1], { company: "ENGINES 1" }), ...some([2], { company: "Nowhere Ltd" })]
      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Created", "Created"])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Company),
        ["Engines 1", undefined]
      )
      const before = server.requests.length
      yield* contacts.upsert(batch)
      assert.strictEqual(server.requests.length - before, 1)
      assert.notInclude(server.requests.map(({ body }) => body).join(), '"Company"')
    })
  )

  it.live("become accounts when the settings say so, once for a name", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce({ createAccounts: true })
      yield* contacts.upsert([...some([1, 2], { company: "New Ltd" }), ...some([3], { company: "NEW LTD" })])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Company),
        ["NEW LTD", "NEW LTD", "NEW LTD"]
      )
      assert.deepStrictEqual(JSON.parse(server.requests[1]?.body ?? ""), {
        allOrNone: false,
        records: [{ attributes: { type: "Account" }, Name: "NEW LTD" }]
      })
    })
  )

  it.live("that Salesforce refuses cost only their own contacts the company", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* salesforce({ createAccounts: true })
      const batch = [...some([1], { company: "x".repeat(256) }), ...some([2], { company: "New Ltd" })]
      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Created", "Created"])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Company),
        [undefined, "New Ltd"]
      )
    })
  )

  it.live("are left out where the name has several accounts, or the user may not see accounts", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      const twins = [1, 2].map((n) => ({ Id: `0015e000000009${n}AAA`, Name: "Engines 1" }))
      const body = { totalSize: 2, done: true, records: twins }
      server.inject({ kind: { status: 200, body } })
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1]))), ["Created"])
      server.inject({ kind: refused(400, "INVALID_TYPE", "sObject type 'Account' is not supported.") })
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([2]))), ["Created"])
      const before = server.requests.length
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([3]))), ["Created"])
      assert.strictEqual(server.requests.length - before, 2)
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Company),
        [undefined, undefined, undefined]
      )
    })
  )
})
