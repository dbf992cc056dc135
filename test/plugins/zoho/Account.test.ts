import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { apiDomains, credentials, settings } from "../../../plugins/zoho/Client.ts"
import { ZohoEmulator } from "../../../plugins/zoho/Emulator.ts"
import { limits } from "../../../plugins/zoho/Limits.ts"
import { refused, tags, zoho } from "./ZohoStand.ts"

describe("Zoho CRM's connect form", () => {
  it("takes the API domains of Zoho and nothing else", () => {
    const decodes = (apiDomain: string) =>
      Schema.decodeExit(credentials)({ accessToken: "token", apiDomain })._tag === "Success"
    assert.strictEqual(apiDomains.length, 24)
    for (const domain of apiDomains) assert.isTrue(decodes(domain), domain)
    for (const top of ["com", "eu", "in", "com.au", "jp", "com.cn", "ca", "sa"]) {
      assert.include(apiDomains, `https://www.zohoapis.${top}`)
      assert.include(apiDomains, `https://sandbox.zohoapis.${top}`)
      assert.include(apiDomains, `https://developer.zohoapis.${top}`)
    }
    for (const other of [
      "http://www.zohoapis.com",
      "https://zohoapis.com",
      "https://www.zohoapis.com.evil.com",
      "https://www.zohoapis.comXau",
      "https://evil.zohoapis.com",
      "https://www.zohoapis.com:8443",
      "https://www.zohoapis.com/crm",
      "https://www.zohoapis.com?x",
      "https://user@www.zohoapis.com",
      "https://wwwXzohoapis.com",
      "https://www.zoho.com",
      "www.zohoapis.com"
    ]) {
      assert.isFalse(decodes(other), other)
    }
  })

  it("has defaults for all settings", () => {
    const decode = Schema.decodeUnknownSync(settings)
    assert.deepStrictEqual(decode({}), { trigger: [], lastNameFromEmail: false })
    assert.throws(() => decode({ trigger: ["everything"] }))
  })
})

describe("Zoho CRM's account", () => {
  const isPath = (path: string) => (request: { readonly path: string }) => request.path === path
  const mismatch = refused(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope")

  it.live("is the user of the token, whose contacts may be read, also when there are none", () =>
    Effect.gen(function* () {
      const { session, server, lines } = yield* zoho()
      assert.deepStrictEqual(yield* session.verify, { id: "5725767000000000400", label: "grace@example.com" })
      assert.deepStrictEqual(lines(), ["GET /crm/v8/users", "GET /crm/v8/Contacts"])
      const [users, contacts] = server.requests
      assert.strictEqual(users?.query.get("type"), "CurrentUser")
      assert.strictEqual(users?.headers.authorization, "Zoho-oauthtoken 1000.emulator.access.token")
      assert.strictEqual(contacts?.query.get("fields"), "id")
      assert.strictEqual(contacts?.query.get("per_page"), "1")
    })
  )

  it.live("is the org, or just the host, for a token that may see no more", () =>
    Effect.gen(function* () {
      const { session, server, there, lines } = yield* zoho()
      there.add({ email: "ada@example.com", fields: {} })
      server.inject({ kind: mismatch, when: isPath("/crm/v8/users") })
      assert.deepStrictEqual(yield* session.verify, { id: "5725767000000000500", label: "Emulated Ltd" })
      server.inject({ kind: mismatch, when: isPath("/crm/v8/users") })
      server.inject({ kind: mismatch, when: isPath("/crm/v8/org") })
      const before = server.requests.length
      assert.deepStrictEqual(yield* session.verify, { id: "www.zohoapis.eu", label: "Zoho CRM (www.zohoapis.eu)" })
      assert.deepStrictEqual(lines(before), ["GET /crm/v8/users", "GET /crm/v8/org", "GET /crm/v8/Contacts"])
    })
  )

  it.live("tells wrong credentials, a missing scope, a wrong host and an outage apart", () =>
    Effect.gen(function* () {
      const { session, open, server, emulator } = yield* zoho()
      const wrong = yield* Effect.flip((yield* open(emulator.refused)).verify)
      assert.strictEqual(wrong.reason._tag, "Unauthorized")
      const elsewhere = { ...emulator.credentials, apiDomain: "https://www.zohoapis.com" }
      const foreign = yield* Effect.flip((yield* open(elsewhere)).verify)
      assert.strictEqual(foreign.reason._tag, "Unauthorized")
      assert.include(foreign.detail, "another API domain")

      server.inject({ kind: mismatch, when: isPath("/crm/v8/Contacts") })
      const scope = yield* Effect.flip(session.verify)
      assert.deepInclude(scope.reason, {
        _tag: "Forbidden",
        missing: "the scope ZohoCRM.modules.contacts.ALL"
      } as const)

      for (const [kind, expected] of [
        [refused(401, "AUTHENTICATION_FAILURE", "Authentication failed"), "Unauthorized"],
        [refused(500, "INTERNAL_ERROR", "Internal Server Error"), "Unavailable"],
        [{ status: 502, body: "<html>", headers: { "content-type": "text/html" } }, "Unavailable"],
        [{ status: 503 }, "Unavailable"],
        [{ status: 302, headers: { location: "https://www.zoho.com" } }, "Misconfigured"],
        [{ status: 404, body: "<html>", headers: { "content-type": "text/html" } }, "Misconfigured"],
        [{ status: 200, body: { users: [] } }, "Unavailable"],
        ["cut", "Unavailable"]
      ] as const) {
        server.inject({ kind })
        const { reason, detail } = yield* Effect.flip(session.verify)
        assert.strictEqual(reason._tag, expected, detail)
        assert.notInclude(detail, "<html>")
      }
    })
  )

  it.live("never shows its token", () =>
    Effect.gen(function* () {
      const { session, contacts, server, emulator, some } = yield* zoho()
      const secret = emulator.credentials.accessToken ?? ""
      const attempts = [
        Effect.asVoid(session.verify),
        Effect.asVoid(contacts.upsert(some([1]))),
        Effect.asVoid(contacts.describeFields)
      ]
      for (const attempt of attempts) {
        server.inject({ kind: refused(403, "NO_PERMISSION_AT_ALL", `Bad token ${secret}`), times: 9 })
        const error = yield* Effect.result(attempt)
        assert.notInclude(JSON.stringify(error), secret)
        server.heal()
      }
      assert.isUndefined(session.revoke)
    })
  )

  it.live("has fields; without the scope to read them, those that every account has", () =>
    Effect.gen(function* () {
      const { contacts, server, provider } = yield* zoho()
      const named = new Map((yield* contacts.describeFields).map((field) => [field.name, field]))
      assert.strictEqual(server.requests[0]?.query.get("module"), "Contacts")
      assert.deepInclude(named.get("Last_Name"), { type: "text", required: true, maxLength: 80 })
      assert.deepInclude(named.get("Account_Name"), { type: "lookup", required: false })
      assert.deepInclude(named.get("Email_Opt_Out"), { type: "boolean", required: false })
      // Read only, a lookup that no name fills, and a file.
      for (const name of ["Full_Name", "Modified_Time", "Vendor_Name", "Record_Image"]) assert.isFalse(named.has(name))
      server.inject({ kind: mismatch })
      const standard = (yield* contacts.describeFields).map(({ name }) => name)
      for (const name of Object.values(provider.contacts?.mapping ?? {})) {
        assert.isTrue(named.has(name), name)
        assert.include(standard, name)
      }
    })
  )
})

describe("Zoho CRM's limits", () => {
  const now = DateTime.makeUnsafe(0)
  const throttled = (status: number, headers: Readonly<Record<string, string>> = {}) =>
    limits.throttled({ status, headers, body: "" }, now)

  it("leave the wait open, and tell spent credits where Zoho does", () => {
    assert.deepStrictEqual(throttled(429), { kind: "rate" })
    assert.deepStrictEqual(throttled(429, { "x-api-credits-remaining": "17" }), { kind: "rate" })
    assert.deepStrictEqual(throttled(429, { "x-api-credits-remaining": "0" }), { kind: "quota" })
    assert.isUndefined(throttled(400))
    assert.isUndefined(throttled(503))
    assert.isAtMost(limits.concurrency, 5)
  })

  it.live("end a call when the credits are spent", () =>
    Effect.gen(function* () {
      const { contacts, server, some, emulator } = yield* zoho()
      server.inject({ kind: { ...emulator.failures.throttled, headers: { "x-api-credits-remaining": "0" } } })
      assert.strictEqual((yield* Effect.flip(contacts.upsert(some([1])))).reason._tag, "QuotaExhausted")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it("know the emulator's throttled answer", () => {
    const { status, headers, body } = ZohoEmulator().failures.throttled
    assert.deepStrictEqual(limits.throttled({ status, headers: headers ?? {}, body: JSON.stringify(body) }, now), {
      kind: "rate"
    })
  })
})

describe("Zoho CRM's removal", () => {
  it.live("moves contacts to the recycle bin, and takes what is gone for done", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some, lines } = yield* zoho()
      const batch = some([1, 2], { company: "" })
      const made = yield* contacts.upsert(batch)
      const ids = made.flatMap((outcome) => (outcome._tag === "Created" ? [outcome.externalId] : []))
      assert.strictEqual(ids.length, 2)
      const removed = [
        ...batch.map((contact, index) => ({ ...contact, externalId: ids[index] ?? null })),
        ...some([3]).map((contact) => ({ ...contact, externalId: "5725767000000999999" })),
        ...some([4])
      ]
      const { remove } = contacts
      assert.isDefined(remove)
      assert.deepStrictEqual(tags(yield* remove(removed)), ["Updated", "Updated", "Unchanged", "Unchanged"])
      assert.deepStrictEqual(lines(1), ["DELETE /crm/v8/Contacts"])
      assert.strictEqual(server.requests[1]?.query.get("ids"), [...ids, "5725767000000999999"].join(","))
      assert.strictEqual(server.requests[1]?.query.get("wf_trigger"), "false")
      assert.strictEqual(there.all().length, 0)
      // All of them fail now, and come with status 400.
      assert.deepStrictEqual(tags(yield* remove(removed)), ["Unchanged", "Unchanged", "Unchanged", "Unchanged"])
      yield* remove(some([4]))
      assert.strictEqual(server.requests.length, 3)
    })
  )

  it.live("says which contact Zoho keeps, and runs workflows only when told to", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho({ trigger: ["workflow"] })
      const body = { data: [{ code: "RECORD_LOCKED", details: { id: "17" }, message: "locked", status: "error" }] }
      server.inject({ kind: { status: 400, body } })
      const removed = some([1]).map((contact) => ({ ...contact, externalId: "17" }))
      assert.deepStrictEqual(yield* contacts.remove?.(removed) ?? Effect.succeed([]), [
        { _tag: "Rejected", reason: "The record is locked in Zoho CRM", retryable: true }
      ])
      assert.strictEqual(server.requests[0]?.query.get("wf_trigger"), "true")
    })
  )
})
