import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lines, refused, salesforce, tags } from "./SalesforceStand.ts"

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const data = "/services/data/v66.0"

describe("Salesforce by email", () => {
  it.live("looks contacts up, creates what is missing, updates what differs, and leaves the rest alone", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      there.add({ email: "Ada.1@Example.com", fields: { FirstName: "Old", LastName: "Kept", Title: "Analyst" } })
      const [first, ...others] = some([1, 2])
      assert.isDefined(first)
      const { LastName: _, ...fields } = first.fields
      const batch = [{ ...first, fields }, ...others]

      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Updated", "Created"])
      assert.deepStrictEqual(lines(server), [
        `GET ${data}/query`,
        `GET ${data}/query`,
        `POST ${data}/composite/sobjects`,
        `PATCH ${data}/composite/sobjects`
      ])
      const [, , created, updated] = server.requests
      assert.deepStrictEqual(JSON.parse(created?.body ?? ""), {
        allOrNone: false,
        records: [
          {
            attributes: { type: "Contact" },
            AccountId: "0015e0000000003AAA",
            FirstName: "Ada 2",
            LastName: "Lovelace 2",
            Email: "ada.2@example.com",
            Phone: "+44 20 7946 0002",
            Title: "Analyst"
          }
        ]
      })
      // By id, and only what differs: the title is the same, and the last name is Salesforce's alone.
      assert.deepStrictEqual(JSON.parse(updated?.body ?? ""), {
        allOrNone: false,
        records: [
          {
            attributes: { type: "Contact" },
            id: "0035e0000000004AAA",
            AccountId: "0015e0000000002AAA",
            FirstName: "Ada 1",
            Phone: "+44 20 7946 0001"
          }
        ]
      })
      const kept = there.all().find(({ email }) => email === "Ada.1@Example.com")
      assert.deepInclude(kept?.fields, { FirstName: "Ada 1", LastName: "Kept", Company: "Engines 1" })
      for (const { headers, host } of server.requests) {
        assert.strictEqual(headers.authorization, "Bearer 00D5e000000Emul!AQ0AQ.emulator.access.token")
        assert.strictEqual(host, "acme.my.salesforce.com")
        assert.isUndefined(headers["sforce-duplicate-rule-header"])
      }
    })
  )

  it.live("takes 250 contacts in two batches, and writes nothing the second time", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some, provider } = yield* salesforce()
      assert.strictEqual(provider.contacts?.batchSize, 200)
      const batches = [some(range(1, 200)), some(range(201, 250))]
      const first = yield* Effect.forEach(batches, contacts.upsert)
      assert.isTrue(first.flat().every(({ _tag }) => _tag === "Created"))
      assert.strictEqual(there.all().length, 250)
      // The accounts once, then a query for 100 emails each and one call for 200 records.
      assert.deepStrictEqual(
        lines(server).map((line) => line.split(" ")[0]),
        ["GET", "GET", "GET", "POST", "GET", "POST"]
      )
      const before = server.requests.length
      const second = yield* Effect.forEach(batches, contacts.upsert)
      assert.isTrue(second.flat().every(({ _tag }) => _tag === "Unchanged"))
      assert.deepStrictEqual(lines(server, before), Array(3).fill(`GET ${data}/query`))
      assert.strictEqual(there.all().length, 250)
      for (const { query } of server.requests) {
        assert.isBelow(encodeURIComponent(query.get("q") ?? "").length, 12_000)
      }
    })
  )

  it.live("makes no duplicates when the answer to a write was lost", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      server.inject({ kind: "cutAnswer", when: ({ method }) => method === "POST" })
      const lost = yield* Effect.flip(contacts.upsert(some([1, 2, 3])))
      assert.strictEqual(lost.reason._tag, "Unavailable")
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2, 3]))), ["Unchanged", "Unchanged", "Unchanged"])
      assert.strictEqual(there.all().length, 3)
    })
  )

  it.live("refuses one bad record, says why, and takes the others", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* salesforce()
      const [nameless] = some([2], { lastName: "" })
      const [long] = some([3], { firstName: "x".repeat(41) })
      assert.isDefined(nameless)
      assert.isDefined(long)
      const outcomes = yield* contacts.upsert([...some([1]), nameless, long, ...some([4])])
      assert.deepStrictEqual(outcomes[1], {
        _tag: "Rejected",
        reason: "Salesforce requires a last name. The setting lastNameFromEmail takes it from the email",
        field: "LastName",
        retryable: false
      })
      assert.deepInclude(outcomes[2], { _tag: "Rejected", field: "FirstName", retryable: false })
      assert.deepStrictEqual(tags(outcomes), ["Created", "Rejected", "Rejected", "Created"])
      assert.strictEqual(there.all().length, 2)
    })
  )

  it.live("makes a last name up for a new contact alone, and only when told to", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* salesforce({ lastNameFromEmail: true })
      there.add({ email: "ada.1@example.com", fields: { LastName: "Kept" } })
      yield* contacts.upsert([...some([1, 2], { lastName: "" }), ...some([3])])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.LastName),
        ["Kept", "ada.2", "Lovelace 3"]
      )
    })
  )

  it.live("guesses none of several records with an email, unless it made one of them itself", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* salesforce()
      const [own] = yield* contacts.upsert(some([1]))
      there.add({ email: "ada.1@example.com", fields: { LastName: "Twin" } })
      const [unknown] = yield* contacts.upsert(some([1], { jobTitle: "Countess" }))
      assert.deepStrictEqual(unknown, {
        _tag: "Rejected",
        reason: "Salesforce has 2 records with this email; merge them, then sync again",
        field: "Email",
        retryable: true
      })
      assert.strictEqual(own?._tag, "Created")
      const externalId = own?._tag === "Created" ? own.externalId : ""
      const known = some([1], { jobTitle: "Countess" }).map((contact) => ({ ...contact, externalId }))
      assert.deepStrictEqual(yield* contacts.upsert(known), [{ _tag: "Updated", externalId }])
    })
  )

  it.live("follows a contact whose email has changed", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* salesforce()
      const [made] = yield* contacts.upsert(some([1]))
      const externalId = made?._tag === "Created" ? made.externalId : ""
      const moved = some([1], { email: "countess@example.com" }).map((contact) => ({ ...contact, externalId }))
      assert.deepStrictEqual(yield* contacts.upsert(moved), [{ _tag: "Updated", externalId }])
      assert.deepStrictEqual(
        there.all().map(({ email }) => email),
        ["countess@example.com"]
      )
    })
  )

  it.live("keeps quotes and backslashes in their place", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce({ createAccounts: true })
      const odd = { email: "o'ada@example.com", company: "Ada's \\ O') OR Name IN ('Engines 1" }
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1], odd))), ["Created"])
      assert.strictEqual(
        server.requests[0]?.query.get("q"),
        "SELECT Id, Name FROM Account WHERE Name IN ('Ada\\'s \\\\ O\\') OR Name IN (\\'Engines 1')"
      )
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1], odd))), ["Unchanged"])
      assert.deepInclude(there.all()[0], { email: odd.email })
      assert.strictEqual(there.all()[0]?.fields.Company, odd.company)
    })
  )

  it.live("reads matches that come in pages to the end", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      for (const _ of range(1, 2001)) there.add({ email: "ada.1@example.com", fields: {} })
      const [outcome] = yield* contacts.upsert(some([1], { company: "" }))
      assert.deepInclude(outcome, { _tag: "Rejected", field: "Email" })
      assert.include(JSON.stringify(outcome), "2001 records")
      assert.deepStrictEqual(lines(server), [`GET ${data}/query`, `GET ${data}/query/01g5e00000emulator-2000`])
    })
  )

  it.live("tells a record that another transaction holds from one that is wrong", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce()
      const failed = (statusCode: string, message: string) => ({
        success: false,
        errors: [{ statusCode, message, fields: [], extendedErrorDetails: null }]
      })
      const body = [
        failed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        failed("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Title must be a title"),
        failed("ENTITY_IS_DELETED", "entity is deleted"),
        { id: "0035e0000000009AAA", success: true, errors: [], unheardOf: 1 }
      ]
      server.inject({ kind: { status: 200, body }, when: ({ method }) => method === "POST" })
      assert.deepStrictEqual(yield* contacts.upsert(some([1, 2, 3, 4])), [
        { _tag: "Rejected", reason: "unable to obtain exclusive access to this record", retryable: true },
        { _tag: "Rejected", reason: "Title must be a title", retryable: false },
        { _tag: "Rejected", reason: "entity is deleted", retryable: true },
        { _tag: "Created", externalId: "0035e0000000009AAA" }
      ])
    })
  )

  it.live("halves a call that Salesforce refuses whole", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      server.inject({
        kind: refused(400, "JSON_PARSER_ERROR", "Unexpected character"),
        times: 99,
        when: ({ method, body }) => method === "POST" && body.includes("Lovelace 3")
      })
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2, 3, 4]))), [
        "Created",
        "Created",
        "Rejected",
        "Created"
      ])
      assert.strictEqual(there.all().length, 3)
    })
  )

  it.live("names a mapped field that the org does not have, without quoting the query", () =>
    Effect.gen(function* () {
      const { contacts, some } = yield* salesforce()
      const [contact] = some([1], { company: "" })
      assert.isDefined(contact)
      const unknown = { ...contact, fields: { ...contact.fields, Nope__c: "x" } }
      const error = yield* Effect.flip(contacts.upsert([unknown]))
      assert.strictEqual(error.reason._tag, "Misconfigured")
      assert.strictEqual(error.detail, "No such column 'Nope__c' on entity 'Contact'")
      const odd = { ...contact, fields: { "Name FROM User": "x" } }
      assert.strictEqual((yield* Effect.flip(contacts.upsert([odd]))).reason._tag, "Misconfigured")
    })
  )
})

describe("Salesforce's duplicate rules", () => {
  const pass = Effect.fnUntraced(function* (settings: Readonly<Record<string, unknown>>) {
    const { contacts, there, server, some } = yield* salesforce({ externalIdField: "Nexus_Email__c", ...settings })
    there.add({ email: "ada.1@example.com", fields: { LastName: "Other" } })
    const [outcome] = yield* contacts.upsert(some([1], { company: "" }))
    return { outcome, header: server.requests[0]?.headers["sforce-duplicate-rule-header"] }
  })

  it.live("are kept, and overridden only when the settings say so", () =>
    Effect.gen(function* () {
      const kept = yield* pass({})
      assert.deepInclude(kept.outcome, { _tag: "Rejected", retryable: false })
      assert.include(JSON.stringify(kept.outcome), "allowDuplicates")
      assert.isUndefined(kept.header)
      const overridden = yield* pass({ allowDuplicates: true })
      assert.strictEqual(overridden.outcome?._tag, "Created")
      assert.strictEqual(overridden.header, "allowSave=true")
    })
  )
})
