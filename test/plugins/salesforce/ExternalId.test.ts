import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lines, salesforce, tags } from "./SalesforceStand.ts"

const path = "/services/data/v66.0/composite/sobjects/Contact/Nexus_Email__c"
const settings = { externalIdField: "Nexus_Email__c" }

describe("Salesforce by external id", () => {
  it.live("upserts in one call, keyed by the email, without ids", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce(settings)
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2], { company: "" }))), ["Created", "Created"])
      assert.deepStrictEqual(lines(server), [`PATCH ${path}`])
      assert.deepStrictEqual(JSON.parse(server.requests[0]?.body ?? "").records[0], {
        attributes: { type: "Contact" },
        FirstName: "Ada 1",
        LastName: "Lovelace 1",
        Email: "ada.1@example.com",
        Phone: "+44 20 7946 0001",
        Title: "Analyst",
        Nexus_Email__c: "ada.1@example.com"
      })
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2], { company: "" }))), ["Updated", "Updated"])
      assert.strictEqual(there.all().length, 2)
    })
  )

  it.live("reads one outcome for each, also when all of them fail", () =>
    Effect.gen(function* () {
      const { contacts, some } = yield* salesforce(settings)
      const outcomes = yield* contacts.upsert(some([1, 2], { company: "", lastName: "" }))
      assert.deepStrictEqual(tags(outcomes), ["Rejected", "Rejected"])
      assert.deepInclude(outcomes[0], { field: "LastName", retryable: false })
    })
  )

  it.live("reads a failure as it was recorded: statusCode, and no id", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce(settings)
      const errors = [{ statusCode: "JSON_PARSER_ERROR", message: "Cannot deserialize instance", fields: [] }]
      server.inject({ kind: { status: 200, body: [{ success: false, errors, created: false }] } })
      assert.deepStrictEqual(yield* contacts.upsert(some([1], { company: "" })), [
        { _tag: "Rejected", reason: "Cannot deserialize instance", retryable: false }
      ])
    })
  )

  it.live("sends a contact again that lost a race for its external id", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce(settings)
      const message = "duplicate value found: Nexus_Email__c duplicates value on record with id: 0035e0000000001AAA"
      const errors = [{ statusCode: "DUPLICATE_VALUE", message, fields: [] }]
      server.inject({ kind: { status: 200, body: [{ success: false, errors, created: false }] } })
      assert.deepStrictEqual(yield* contacts.upsert(some([1], { company: "" })), [
        { _tag: "Rejected", reason: message, retryable: true }
      ])
    })
  )

  it.live("makes a last name up only for contacts that are new", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce({ ...settings, lastNameFromEmail: true })
      yield* contacts.upsert(some([1], { company: "" }))
      const before = server.requests.length
      const batch = some([1, 2], { company: "", lastName: "" })
      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Updated", "Created"])
      assert.deepStrictEqual(lines(server, before), [`PATCH ${path}`, `PATCH ${path}`])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.LastName),
        ["Lovelace 1", "ada.2"]
      )
    })
  )

  it.live("makes no duplicates when an answer was lost", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce(settings)
      server.inject({ kind: "cutAnswer", when: ({ method }) => method === "PATCH" })
      yield* Effect.flip(contacts.upsert(some([1, 2])))
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2]))), ["Updated", "Updated"])
      assert.strictEqual(there.all().length, 2)
    })
  )

  it.live("fails rather than account for the wrong records", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce(settings)
      server.inject({ kind: { status: 200, body: [] } })
      const error = yield* Effect.flip(contacts.upsert(some([1], { company: "" })))
      assert.strictEqual(error.reason._tag, "Unavailable")
    })
  )
})

describe("Salesforce's leads", () => {
  it.live("have a company of their own, and need it", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce({ object: "Lead", apiVersion: "60.0" })
      const outcomes = yield* contacts.upsert([...some([1]), ...some([2], { company: "" })])
      assert.deepStrictEqual(tags(outcomes), ["Created", "Rejected"])
      assert.deepInclude(outcomes[1], { reason: "Salesforce requires Company", field: "Company" })
      assert.strictEqual(there.all()[0]?.fields.Company, "Engines 1")
      assert.deepStrictEqual(lines(server), [
        "GET /services/data/v60.0/query",
        "POST /services/data/v60.0/composite/sobjects"
      ])
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1]))), ["Unchanged"])
    })
  )

  it.live("that were converted are not made again", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce({ object: "Lead" })
      const records = [{ Id: "00Q5e0000000001AAA", Email: "ada.1@example.com", IsConverted: true }]
      server.inject({ kind: { status: 200, body: { totalSize: 1, done: true, records } } })
      assert.deepInclude((yield* contacts.upsert(some([1])))[0], { _tag: "Rejected", retryable: false })
      assert.strictEqual(server.requests.length, 1)
      const both = [...records, { Id: "00Q5e0000000002AAA", Email: "ada.1@example.com", IsConverted: false }]
      server.inject({ kind: { status: 200, body: { totalSize: 2, done: true, records: both } } })
      server.inject({ kind: { status: 200, body: [{ id: "00Q5e0000000002AAA", success: true, errors: [] }] } })
      const known = some([1]).map((contact) => ({ ...contact, externalId: "00Q5e0000000001AAA" }))
      assert.deepStrictEqual(yield* contacts.upsert(known), [{ _tag: "Updated", externalId: "00Q5e0000000002AAA" }])
      assert.include(
        server.requests[1]?.query.get("q"),
        "WHERE Email IN ('ada.1@example.com') OR Id IN ('00Q5e0000000001AAA')"
      )
    })
  )
})
