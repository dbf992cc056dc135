import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { apiDomains, credentials, settings } from "../../../plugins/zoho/Client.ts"
import { refused, zoho } from "./ZohoStand.ts"

describe("Zoho CRM's connect form", () => {
  it("takes the API domains of Zoho and nothing else", () => {
    const decodes = (apiDomain: string) =>
      Schema.decodeExit(credentials)({ accessToken: "token", apiDomain })._tag === "Success"
    assert.strictEqual(apiDomains.length, 27)
    for (const domain of apiDomains) assert.isTrue(decodes(domain), domain)
    for (const top of ["com", "eu", "in", "com.au", "jp", "com.cn", "ca", "sa", "uk"]) {
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
