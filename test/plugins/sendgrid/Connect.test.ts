import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect } from "effect"
import { calls, makeImporting } from "./Stand.ts"

const importing = makeImporting()
const list = "/v3/marketing/lists/5a1f6b1e-0000-4000-8000-2f1b9d4c7e3a"
const definitions = "/v3/marketing/field_definitions"

describe("connecting SendGrid", () => {
  it.live("reads scopes, list and fields with the key, and goes by the list", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* importing
      assert.deepStrictEqual(yield* (yield* session()).verify, {
        id: "5a1f6b1e-0000-4000-8000-2f1b9d4c7e3a",
        label: "SendGrid: Newsletter"
      })
      assert.deepStrictEqual(calls(server.requests), ["GET /v3/scopes", `GET ${list}`, `GET ${definitions}`])
      for (const { headers, host } of server.requests) {
        assert.strictEqual(headers.authorization, `Bearer ${emulator.credentials.apiKey}`)
        assert.strictEqual(host, "api.sendgrid.com")
      }
    })
  )

  it.live("tells a wrong key, a missing permission, a missing list and an outage apart, and never names the key", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* importing
      const failing = Effect.fnUntraced(function* (credentials?: Readonly<Record<string, string>>) {
        const error = yield* Effect.flip((yield* session(credentials)).verify)
        assert.notInclude(String(error), emulator.credentials.apiKey ?? "")
        return error
      })
      assert.strictEqual((yield* failing(emulator.refused)).reason._tag, "Unauthorized")
      emulator.revokeAccess(true)
      assert.strictEqual((yield* failing()).reason._tag, "Unauthorized")
      emulator.revokeAccess(false)

      const elsewhere = { ...emulator.credentials, listId: "00000000-0000-4000-8000-000000000000" }
      const missing = yield* failing(elsewhere)
      assert.strictEqual(missing.reason._tag, "Misconfigured")
      assert.include(missing.detail, "no contact list")

      server.inject({
        when: ({ path }) => path === list,
        kind: { status: 403, body: { errors: [{ field: null, message: "access forbidden" }] } }
      })
      assert.strictEqual((yield* failing()).reason._tag, "Forbidden")
      emulator.scopes = ["mail.send"]
      const { reason } = yield* failing()
      assert.include(reason._tag === "Forbidden" ? reason.missing : "", "Marketing")

      server.inject({ kind: emulator.failures.unavailable })
      assert.strictEqual((yield* failing()).reason._tag, "Unavailable")
      server.inject({ kind: "cut" })
      assert.strictEqual((yield* failing()).reason._tag, "Unavailable")
    })
  )

  it.live("refuses keys and lists of another form", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* importing
      const key = yield* Effect.flip(session({ ...emulator.credentials, apiKey: "key-1234567890" }))
      assert.include(String(key), "begins with SG.")
      const path = yield* Effect.flip(session({ ...emulator.credentials, listId: "../../scopes" }))
      assert.include(String(path), "list ID")
    })
  )

  it.live("lists the fields that can be written, and not the phone number, which can only be read", () =>
    Effect.gen(function* () {
      const { contacts, emulator } = yield* importing
      emulator.marketing.addField("Company", "Text")
      emulator.marketing.addField("seats", "Number")
      const fields = yield* contacts.describeFields
      const names = fields.map(({ name }) => name)
      assert.includeMembers(names, ["email", "first_name", "last_name", "Company", "seats", "phone", "job_title"])
      assert.notIncludeMembers(names, ["phone_number", "company"])
      assert.deepInclude(fields, { name: "seats", label: "seats", type: "number", required: false })
    })
  )

  it.live("reads the reset of a throttled answer as seconds, or as a moment when it is large", () =>
    Effect.gen(function* () {
      const { limits } = (yield* importing).provider
      const now = DateTime.makeUnsafe(1_392_815_250_000)
      const throttled = (reset?: string) =>
        limits.throttled({ status: 429, headers: { "x-ratelimit-reset": reset }, body: "" }, now)
      assert.deepStrictEqual(throttled("13"), { kind: "rate", retryAfter: Duration.seconds(13) })
      assert.deepStrictEqual(throttled("1392815263"), { kind: "rate", retryAfter: Duration.seconds(13) })
      assert.deepStrictEqual(throttled("1392815000"), { kind: "rate", retryAfter: Duration.seconds(0) })
      assert.deepStrictEqual(throttled(), { kind: "rate" })
      assert.isUndefined(limits.throttled({ status: 202, headers: {}, body: "" }, now))
    })
  )
})
