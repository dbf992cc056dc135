import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { calls, list, upserting } from "./Stand.ts"

describe("connecting Mailchimp", () => {
  it.live("names the account and the audience, on the data centre of the key, with Basic authentication", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* upserting
      const account = yield* (yield* session()).verify
      assert.deepStrictEqual(account, {
        id: "8d3a3db4d97663a9074efcc16/a1b2c3d4e5",
        label: "Engines Ltd: Newsletter"
      })
      assert.deepStrictEqual(calls(server.requests), ["GET /3.0/", `GET ${list}`])
      for (const { host, headers } of server.requests) {
        assert.strictEqual(host, "us6.api.mailchimp.com")
        assert.strictEqual(headers.authorization, `Basic ${btoa(`nexus:${emulator.credentials.apiKey}`)}`)
      }
    })
  )

  it.live("tells a wrong key, a missing audience, a disabled user and an outage apart, and never names the key", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* upserting
      const failing = Effect.fnUntraced(function* (credentials?: Readonly<Record<string, string>>) {
        const error = yield* Effect.flip((yield* session(credentials)).verify)
        assert.notInclude(String(error), emulator.credentials.apiKey ?? "")
        return error
      })
      const refused = yield* failing(emulator.refused)
      assert.strictEqual(refused.reason._tag, "Unauthorized")
      assert.include(refused.detail, "wrong datacenter")

      const elsewhere = yield* failing({ ...emulator.credentials, audienceId: "ffffffffff" })
      assert.strictEqual(elsewhere.reason._tag, "Misconfigured")
      assert.include(elsewhere.detail, "ffffffffff")

      const disabled = { title: "User Disabled", status: 403, detail: "This account has been deactivated." }
      server.inject({ kind: { status: 403, body: disabled } })
      const { reason } = yield* failing()
      assert.strictEqual(reason._tag === "Forbidden" && reason.missing, "an account that is active")

      server.inject({ kind: emulator.failures.unavailable })
      assert.strictEqual((yield* failing()).reason._tag, "Unavailable")
      server.inject({ kind: { status: 502, body: "<html>timeout</html>", headers: { "content-type": "text/html" } } })
      assert.strictEqual((yield* failing()).reason._tag, "Unavailable")
      server.inject({ kind: { status: 200, body: "<html>maintenance</html>" } })
      assert.strictEqual((yield* failing()).reason._tag, "Unavailable")
    })
  )

  for (const apiKey of [
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef-us6.evil.example/",
    "0123456789abcdef0123456789abcdef-us6@evil",
    "0123456789abcdef0123456789abcdef-us1234"
  ]) {
    it.live(`refuses the key ${apiKey}, whose data centre could lead elsewhere`, () =>
      Effect.gen(function* () {
        const { session } = yield* upserting
        const error = yield* Effect.flip(session({ apiKey, audienceId: "a1b2c3d4e5" }))
        assert.include(String(error), "data centre")
      })
    )
  }

  it.live("refuses an audience ID that is a path, and settings that it doesn't have", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* upserting
      yield* Effect.flip(session({ ...emulator.credentials, audienceId: "../ping" }))
      yield* Effect.flip(session(emulator.credentials, { newStatus: "unsubscribed" }))
    })
  )

  it.live("lists merge fields and those that it makes, but no address", () =>
    Effect.gen(function* () {
      const { contacts, server } = yield* upserting
      const fields = yield* contacts.describeFields
      // Ten is what Mailchimp gives unless it is asked for more.
      assert.strictEqual(server.requests[0]?.query.get("count"), "1000")
      assert.deepStrictEqual(
        fields.map(({ name }) => name),
        ["email_address", "FNAME", "LNAME", "PHONE", "COMPANY", "JOBTITLE"]
      )
      assert.deepStrictEqual(fields[1], {
        name: "FNAME",
        label: "First Name",
        type: "text",
        maxLength: 255,
        required: false
      })
    })
  )

  it.live("throttles on 429, and on a 403 without JSON", () =>
    Effect.gen(function* () {
      const { limits } = (yield* upserting).provider
      const throttled = (status: number, body: string) =>
        limits.throttled({ status, headers: {}, body }, DateTime.makeUnsafe(0))
      assert.deepStrictEqual(throttled(429, '{"title":"TooManyRequests"}'), { kind: "rate" })
      assert.deepStrictEqual(throttled(429, ""), { kind: "rate" })
      assert.deepStrictEqual(throttled(403, ""), { kind: "rate" })
      assert.deepStrictEqual(throttled(403, "<html></html>"), { kind: "rate" })
      assert.isUndefined(throttled(403, '{"title":"Forbidden"}'))
      assert.isUndefined(throttled(200, "{}"))
    })
  )
})
