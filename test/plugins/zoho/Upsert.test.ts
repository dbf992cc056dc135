import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { refused, tags, zoho } from "./ZohoStand.ts"

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const contactsUpsert = "POST /crm/v8/Contacts/upsert"
const accountsUpsert = "POST /crm/v8/Accounts/upsert"
const isContacts = ({ path }: { readonly path: string }) => path.endsWith("/Contacts/upsert")

describe("Zoho CRM's contacts", () => {
  it.live("are upserted by email, with the company as a lookup, and start no automation", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some, lines } = yield* zoho()
      there.add({ email: "Ada.1@example.com", fields: { First_Name: "Old", Last_Name: "Kept" } })
      const [first, ...others] = some([1, 2], { company: "Engines" })
      assert.isDefined(first)
      const { Last_Name: _, ...fields } = first.fields
      assert.deepStrictEqual(tags(yield* contacts.upsert([{ ...first, fields }, ...others])), ["Updated", "Created"])
      assert.deepStrictEqual(lines(), [accountsUpsert, contactsUpsert])
      const [companies, people] = server.requests
      assert.deepStrictEqual(JSON.parse(companies?.body ?? ""), {
        data: [{ Account_Name: "Engines" }],
        duplicate_check_fields: ["Account_Name"],
        trigger: []
      })
      const account = { id: "5725767000000000002" }
      assert.deepStrictEqual(JSON.parse(people?.body ?? ""), {
        data: [
          {
            First_Name: "Ada 1",
            Email: "ada.1@example.com",
            Phone: "+44 20 7946 0001",
            Title: "Analyst",
            Account_Name: account
          },
          {
            First_Name: "Ada 2",
            Last_Name: "Lovelace 2",
            Email: "ada.2@example.com",
            Phone: "+44 20 7946 0002",
            Title: "Analyst",
            Account_Name: account
          }
        ],
        duplicate_check_fields: ["Email"],
        trigger: []
      })
      for (const { headers, host } of server.requests) {
        assert.strictEqual(headers.authorization, "Zoho-oauthtoken 1000.emulator.access.token")
        assert.strictEqual(host, "www.zohoapis.eu")
      }
      assert.deepInclude(there.all()[0]?.fields, { Last_Name: "Kept", First_Name: "Ada 1", Account_Name: "Engines" })
    })
  )

  it.live("start the automations that the settings name", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho({ trigger: ["workflow", "blueprint"] })
      yield* contacts.upsert(some([1]))
      for (const { body } of server.requests) {
        assert.deepStrictEqual(JSON.parse(body).trigger, ["workflow", "blueprint"])
      }
    })
  )

  it.live("go in batches of a hundred, and make no duplicates the second time", () =>
    Effect.gen(function* () {
      const { contacts, there, some, provider, lines } = yield* zoho()
      assert.strictEqual(provider.contacts?.batchSize, 100)
      const batches = [some(range(1, 100)), some(range(101, 200)), some(range(201, 250))]
      const first = yield* Effect.forEach(batches, contacts.upsert)
      assert.isTrue(first.flat().every(({ _tag }) => _tag === "Created"))
      // Three companies, asked for once.
      assert.deepStrictEqual(lines(), [accountsUpsert, contactsUpsert, contactsUpsert, contactsUpsert])
      const second = yield* Effect.forEach(batches, contacts.upsert)
      assert.isTrue(second.flat().every(({ _tag }) => _tag === "Updated"))
      assert.strictEqual(there.all().length, 250)
    })
  )

  it.live("are not doubled when an answer was lost", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* zoho()
      server.inject({ kind: "cutAnswer", when: isContacts })
      assert.strictEqual((yield* Effect.flip(contacts.upsert(some([1, 2])))).reason._tag, "Unavailable")
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2]))), ["Updated", "Updated"])
      assert.strictEqual(there.all().length, 2)
    })
  )

  it.live("are refused one by one, with status 207, and with 400 when all are", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* zoho()
      const nameless = some([2], { lastName: "" })
      const bad = some([3], { email: "not-an-address@nowhere" })
      const mixed = yield* contacts.upsert([...some([1]), ...nameless, ...bad, ...some([4])])
      assert.deepStrictEqual(tags(mixed), ["Created", "Rejected", "Rejected", "Created"])
      assert.deepStrictEqual(mixed[1], {
        _tag: "Rejected",
        reason: "Zoho CRM requires a last name. The setting lastNameFromEmail takes it from the email",
        field: "Last_Name",
        retryable: false
      })
      assert.deepInclude(mixed[2], { reason: "Zoho CRM does not take this value for Email", field: "Email" })
      const all = yield* contacts.upsert([...nameless, ...bad])
      assert.deepStrictEqual(tags(all), ["Rejected", "Rejected"])
      assert.strictEqual(there.all().length, 2)
    })
  )

  it.live("get a last name made up only if they are new, and only when told to", () =>
    Effect.gen(function* () {
      const { contacts, there, some, lines } = yield* zoho({ lastNameFromEmail: true })
      there.add({ email: "ada.1@example.com", fields: { Last_Name: "Kept" } })
      const outcomes = yield* contacts.upsert(some([1, 2], { lastName: "", company: "" }))
      assert.deepStrictEqual(tags(outcomes), ["Updated", "Created"])
      assert.deepStrictEqual(
        there.all().map(({ fields }) => fields.Last_Name),
        ["Kept", "ada.2"]
      )
      assert.deepStrictEqual(lines(), [contactsUpsert, contactsUpsert])
    })
  )

  it.live("have their email sent, mapped or not", () =>
    Effect.gen(function* () {
      const { contacts, there, some } = yield* zoho()
      const unmapped = some([1]).map((contact) => ({ ...contact, fields: { Last_Name: "Lovelace" } }))
      yield* contacts.upsert(unmapped)
      yield* contacts.upsert(unmapped)
      assert.deepStrictEqual(
        there.all().map(({ email }) => email),
        ["ada.1@example.com"]
      )
    })
  )
})

describe("Zoho CRM's answers", () => {
  const details = { id: "5725767000000000009", Modified_Time: "2026-01-01T00:00:00+00:00", unheardOf: [1] }
  const success = { code: "SUCCESS", duplicate_field: null, action: "insert", details, status: "success" }
  const failed = (code: string, more: object = {}) => ({
    code,
    details: more,
    message: `about ${code}`,
    status: "error"
  })

  it.live("are read with every status that may carry records", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho()
      for (const status of [200, 201, 202, 207, 400, 403, 412]) {
        server.inject({ kind: { status, body: { data: [success, failed("INVALID_DATA")] } }, when: isContacts })
        const outcomes = yield* contacts.upsert(some([1, 2], { company: "" }))
        assert.deepStrictEqual(tags(outcomes), ["Created", "Rejected"], String(status))
        assert.deepStrictEqual(outcomes[0], { _tag: "Created", externalId: details.id })
      }
    })
  )

  it.live("belong to the record that they name", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho()
      const missing = failed("MANDATORY_NOT_FOUND", { api_name: "Phone", json_path: "$.data[1].Phone" })
      server.inject({ kind: { status: 207, body: { data: [missing, success, success] } } })
      const outcomes = yield* contacts.upsert(some([1, 2, 3], { company: "" }))
      assert.deepStrictEqual(tags(outcomes), ["Created", "Rejected", "Created"])
      assert.deepInclude(outcomes[1], { reason: "Zoho CRM requires Phone", field: "Phone" })
    })
  )

  it.live("tell what passes from what stays", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho()
      const codes = {
        RECORD_LOCKED: true,
        NOT_APPROVED: true,
        RECORD_IN_BLUEPRINT: true,
        ALREADY_MODIFIED: true,
        INTERNAL_ERROR: true,
        INTERNAL_SERVER_ERROR: true,
        TOO_MANY_REQUESTS: true,
        LIMIT_EXCEEDED: true,
        LIMIT_REACHED: true,
        STORAGE_SPACE_EXCEEDED: true,
        INVALID_DATA: false,
        MANDATORY_NOT_FOUND: false,
        DUPLICATE_DATA: false,
        DEPENDENT_FIELD_MISSING: false,
        EXPECTED_FIELD_MISSING: false,
        NO_PERMISSION: false
      }
      for (const [code, retryable] of Object.entries(codes)) {
        server.inject({ kind: { status: 400, body: { data: [failed(code, { api_name: "Title" })] } } })
        const [outcome] = yield* contacts.upsert(some([1], { company: "" }))
        assert.deepInclude(outcome, { _tag: "Rejected", retryable, field: "Title" }, code)
      }
    })
  )

  it.live("about a whole call fail it, unless halves of it go through", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* zoho()
      const fail = Effect.fnUntraced(function* (kind: ReturnType<typeof refused>) {
        server.inject({ kind, when: isContacts })
        return (yield* Effect.flip(contacts.upsert(some([1, 2])))).reason
      })
      const scope = { _tag: "Forbidden", missing: "the scope ZohoCRM.modules.contacts.ALL" } as const
      assert.deepInclude(yield* fail(refused(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope")), scope)
      assert.deepInclude(yield* fail(refused(403, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope")), scope)
      for (const [kind, expected] of [
        [refused(401, "INVALID_TOKEN", "invalid oauth token"), "Unauthorized"],
        [refused(401, "AUTHENTICATION_FAILURE", "Authentication failed"), "Unauthorized"],
        [refused(403, "NO_PERMISSION", "permission denied"), "Forbidden"],
        [refused(400, "AUTHORIZATION_FAILED", "not allowed"), "Forbidden"],
        [refused(400, "LIMIT_EXCEEDED", "limit exceeded"), "QuotaExhausted"],
        [refused(403, "LIMIT_REACHED", "limit reached"), "QuotaExhausted"],
        [refused(400, "STORAGE_SPACE_EXCEEDED", "no space"), "QuotaExhausted"],
        [refused(404, "INVALID_URL_PATTERN", "wrong"), "Misconfigured"],
        [refused(500, "INTERNAL_ERROR", "Internal Server Error"), "Unavailable"],
        [refused(502, "", ""), "Unavailable"],
        [refused(503, "", ""), "Unavailable"]
      ] as const) {
        assert.strictEqual((yield* fail(kind))._tag, expected, kind.body.code)
      }
      server.inject({
        kind: refused(400, "INVALID_DATA", "body"),
        times: 99,
        when: ({ body }) => body.includes("Lovelace 3")
      })
      assert.deepStrictEqual(tags(yield* contacts.upsert(some([1, 2, 3]))), ["Created", "Created", "Rejected"])
      assert.strictEqual(there.all().length, 2)
    })
  )

  it.live("that can't be matched with the records fail the call", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho()
      for (const kind of [
        { status: 200, body: { data: [success] } },
        { status: 200, body: "<html>", headers: { "content-type": "text/html" } },
        { status: 204 }
      ]) {
        server.inject({ kind, when: isContacts })
        const error = yield* Effect.flip(contacts.upsert(some([1, 2])))
        assert.strictEqual(error.reason._tag, "Unavailable")
        assert.match(error.detail, /^Zoho CRM answered for 1 of 2 records$|is not what its API promises$/)
      }
    })
  )
})
