import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { credentials, settings } from "../../../plugins/salesforce/Client.ts"
import { refused, salesforce } from "./SalesforceStand.ts"

const host = "acme.my.salesforce.com"

describe("Salesforce's connect form", () => {
  it("takes the address of an org and nothing else", () => {
    const decodes = (instanceUrl: string) =>
      Schema.decodeExit(credentials)({ accessToken: "token", instanceUrl })._tag === "Success"
    for (const org of [
      "https://na1.salesforce.com",
      "https://acme.my.salesforce.com",
      "https://acme.my.salesforce.com/",
      "https://acme--dev.sandbox.my.salesforce.com",
      "https://acme.my.force.com"
    ]) {
      assert.isTrue(decodes(org), org)
    }
    for (const other of [
      "http://acme.my.salesforce.com",
      "https://acme.lightning.force.com",
      "https://acme--dev.sandbox.lightning.force.com",
      "https://login.salesforce.com",
      "https://test.salesforce.com",
      "https://salesforce.com",
      "https://evil.com/.salesforce.com",
      "https://evil.com#.salesforce.com",
      "https://evil.com?.salesforce.com",
      "https://user@acme.salesforce.com",
      "https://acme.salesforce.com:8443",
      "https://acme.salesforce.com/services",
      "https://acme.salesforce.com.evil.com",
      "https://acmesalesforce.com",
      "acme.my.salesforce.com",
      "https://127.0.0.1/.force.com"
    ]) {
      assert.isFalse(decodes(other), other)
    }
  })

  it("has defaults for all settings, and refuses what can't be one", () => {
    const decode = Schema.decodeUnknownSync(settings)
    assert.deepStrictEqual(decode({}), {
      apiVersion: "66.0",
      object: "Contact",
      createAccounts: false,
      lastNameFromEmail: false,
      allowDuplicates: false
    })
    assert.strictEqual(decode({ apiVersion: "100.0" }).apiVersion, "100.0")
    for (const wrong of [
      { apiVersion: "59.0" },
      { apiVersion: "66.0/../.." },
      { object: "Account" },
      { externalIdField: "Email" },
      { externalIdField: "../Nope__c" }
    ]) {
      assert.throws(() => decode(wrong))
    }
  })
})

describe("Salesforce's account", () => {
  it.live("is the org, and its contacts may be written", () =>
    Effect.gen(function* () {
      const { session, server } = yield* salesforce({ externalIdField: "Nexus_Email__c" })
      assert.deepStrictEqual(yield* session.verify, { id: "00D5e000000EmulEAO", label: host })
      assert.deepStrictEqual(
        server.requests.map(({ method, path }) => `${method} ${path}`),
        ["GET /services/data/v66.0/", "GET /services/data/v66.0/sobjects/Contact/describe"]
      )
    })
  )

  it.live("is the host where the org doesn't name itself", () =>
    Effect.gen(function* () {
      const { session, server } = yield* salesforce()
      server.inject({ kind: { status: 200, body: { sobjects: "/services/data/v66.0/sobjects" } } })
      assert.deepStrictEqual(yield* session.verify, { id: host, label: host })
    })
  )

  it.live("tells wrong credentials, missing permissions, a wrong address and an outage apart", () =>
    Effect.gen(function* () {
      const { session, open, server, emulator } = yield* salesforce()
      const wrong = yield* Effect.flip((yield* open(emulator.refused)).verify)
      assert.strictEqual(wrong.reason._tag, "Unauthorized")

      const elsewhere = { ...emulator.credentials, instanceUrl: "https://gone.my.salesforce.com" }
      const gone = yield* Effect.flip((yield* open(elsewhere)).verify)
      assert.strictEqual(gone.reason._tag, "Misconfigured")
      assert.strictEqual(gone.detail, "This is not the address of an active org")

      const old = yield* Effect.flip((yield* open(undefined, { apiVersion: "99.0" })).verify)
      assert.strictEqual(old.reason._tag, "Misconfigured")
      assert.include(old.detail, "API version")

      const keyless = yield* Effect.flip((yield* open(undefined, { externalIdField: "Newsletter__c" })).verify)
      assert.strictEqual(keyless.reason._tag, "Misconfigured")
      assert.include(keyless.detail, "Newsletter__c")

      const cases = [
        [refused(403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"), "Forbidden"],
        [refused(403, "API_CURRENTLY_DISABLED", "API is currently disabled for this user"), "Forbidden"],
        [refused(403, "INSUFFICIENT_ACCESS", "insufficient access rights"), "Forbidden"],
        [refused(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights"), "Forbidden"],
        [refused(400, "INVALID_TYPE", "sObject type 'Contact' is not supported."), "Forbidden"],
        [refused(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"), "Forbidden"],
        [refused(401, "INVALID_SESSION_ID", "Connected app is not attached to Agent"), "Forbidden"],
        [refused(401, "INVALID_SESSION_ID", "Session expired or invalid"), "Unauthorized"],
        [{ status: 401, body: "" }, "Unauthorized"],
        [{ status: 401, body: "<html>", headers: { "content-type": "text/html" } }, "Unauthorized"],
        [refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred"), "Unavailable"],
        [refused(503, "SERVER_UNAVAILABLE", "Server too busy"), "Unavailable"],
        [{ status: 502, body: "<html>", headers: { "content-type": "text/html" } }, "Unavailable"],
        [{ status: 404, body: "<html>", headers: { "content-type": "text/html" } }, "Misconfigured"],
        [{ status: 302, body: "", headers: { location: "https://login.salesforce.com" } }, "Misconfigured"],
        [{ status: 200, body: "<html>", headers: { "content-type": "text/html" } }, "Unavailable"],
        ["cut", "Unavailable"]
      ] as const
      for (const [kind, expected] of cases) {
        server.inject({ kind })
        const { reason, detail } = yield* Effect.flip(session.verify)
        assert.strictEqual(reason._tag, expected, detail)
        assert.notInclude(detail, "<html>")
      }
    })
  )

  it.live("has to let its user create and edit", () =>
    Effect.gen(function* () {
      const { session, server } = yield* salesforce()
      server.inject({
        kind: { status: 200, body: { createable: false, updateable: true, fields: [] } },
        when: ({ path }) => path.endsWith("/describe")
      })
      const error = yield* Effect.flip(session.verify)
      assert.deepInclude(error.reason, { _tag: "Forbidden", missing: "the permissions Create and Edit on Contact" })
    })
  )

  it.live("never shows its token", () =>
    Effect.gen(function* () {
      const { session, contacts, server, emulator, some } = yield* salesforce()
      const secret = emulator.credentials.accessToken ?? ""
      const attempts = [
        Effect.asVoid(session.verify),
        Effect.asVoid(contacts.upsert(some([1]))),
        Effect.asVoid(contacts.describeFields)
      ]
      for (const attempt of attempts) {
        server.inject({ kind: refused(400, "SOME_CODE", `Bad token ${secret}`), times: 9 })
        const error = yield* Effect.flip(attempt)
        assert.notInclude(`${error.message} ${error.stack} ${JSON.stringify(error)}`, secret)
        assert.include(error.message, "Bad token ••••")
        server.heal()
      }
    })
  )

  it.live("has fields, and a company that is looked up", () =>
    Effect.gen(function* () {
      const { contacts, open, provider } = yield* salesforce()
      const fields = yield* contacts.describeFields
      const named = new Map(fields.map((field) => [field.name, field]))
      assert.deepStrictEqual(named.get("LastName"), {
        name: "LastName",
        label: "LastName",
        type: "text",
        required: true,
        maxLength: 80
      })
      assert.deepInclude(named.get("Newsletter__c"), { type: "boolean", required: false })
      assert.deepInclude(named.get("Company"), { type: "lookup", required: false })
      assert.isFalse(named.has("SystemModstamp"))
      for (const name of Object.values(provider.contacts?.mapping ?? {})) assert.isTrue(named.has(name), name)
      const leads = yield* open(undefined, { object: "Lead" })
      const own = yield* leads.contacts?.describeFields ?? Effect.succeed([])
      assert.deepInclude(
        own.find(({ name }) => name === "Company"),
        { type: "text", required: true }
      )
    })
  )
})

describe("Salesforce's revocation", () => {
  it.live("makes the token useless, in the body of a form and nowhere else", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* salesforce()
      const { revoke } = session
      assert.isDefined(revoke)
      yield* revoke
      const [request] = server.requests
      assert.strictEqual(`${request?.method} ${request?.path}`, "POST /services/oauth2/revoke")
      assert.include(request?.headers["content-type"], "application/x-www-form-urlencoded")
      assert.strictEqual(new URLSearchParams(request?.body).get("token"), emulator.credentials.accessToken)
      assert.strictEqual(emulator.revocations(), 1)
      assert.strictEqual((yield* Effect.flip(session.verify)).reason._tag, "Unauthorized")
      yield* revoke
      assert.strictEqual(emulator.revocations(), 1)
      server.inject({ kind: emulator.failures.unavailable })
      assert.strictEqual((yield* Effect.flip(revoke)).reason._tag, "Unavailable")
    })
  )
})
