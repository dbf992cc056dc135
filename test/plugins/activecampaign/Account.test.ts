/** Credentials, the account behind them, its fields, and what its refusals mean. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Schema } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { credentials } from "../../../plugins/activecampaign/Client.ts"
import { limits } from "../../../plugins/activecampaign/Limits.ts"
import { bodyOf, calls, makeImporting, untitled } from "./Stand.ts"

const now = DateTime.makeUnsafe("2026-03-01T00:00:00Z")
const throttled = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  limits.throttled({ status, headers, body: JSON.stringify(body) }, now)

describe("ActiveCampaign's accounts", () => {
  it.live("are asked for their user with the key in Api-Token, and named by their host", () =>
    Effect.gen(function* () {
      const { verify, server } = yield* makeImporting()
      assert.deepStrictEqual(yield* verify, { id: "nexus.api-us1.com", label: "nexus.api-us1.com (ada)" })
      assert.deepStrictEqual(calls(server.requests), ["GET /users/me"])
      assert.strictEqual(server.requests[0]?.host, "nexus.api-us1.com")
      assert.strictEqual(server.requests[0]?.headers["api-token"], "0123456789ab".repeat(6))
      assert.isUndefined(server.requests[0]?.headers.authorization)
    })
  )

  for (const status of [401, 403]) {
    it.live(`refuse a key with ${status}`, () =>
      Effect.gen(function* () {
        const { verify, server } = yield* makeImporting()
        server.inject({ kind: json(status, { message: "Forbidden" }) })
        assert.strictEqual((yield* Effect.flip(verify)).reason._tag, "Unauthorized")
      })
    )
  }

  for (const [status, body, reason, detail] of [
    [404, {}, "Misconfigured", "ActiveCampaign has nothing at this address: check the API URL"],
    [503, {}, "Unavailable", "ActiveCampaign answered with status 503"],
    [422, { errors: [{ title: "It is wrong", detail: "", code: "field_invalid" }] }, "Rejected", "It is wrong"],
    [400, { message: "It is required" }, "Rejected", "It is required"],
    [422, {}, "Rejected", "ActiveCampaign refused what was sent"]
  ] as const) {
    it.live(`read ${status} ${JSON.stringify(body)}`, () =>
      Effect.gen(function* () {
        const { verify, server } = yield* makeImporting()
        server.inject({ kind: json(status, body) })
        const error = yield* Effect.flip(verify)
        assert.deepStrictEqual([error.reason._tag, error.detail], [reason, detail])
      })
    )
  }

  it("have addresses of ActiveCampaign alone", () => {
    const isAddress = Schema.is(credentials.fields.accountUrl)
    for (const url of ["https://a.api-us1.com", "https://a-b.activehosted.com/"]) assert.isTrue(isAddress(url), url)
    for (const url of [
      "http://a.api-us1.com",
      "https://api-us1.com",
      "https://a.api-us1.com.example.com",
      "https://a.api-us1.com/api/3",
      "https://a.api-us1.com@example.com",
      "https://example.com/.api-us1.com"
    ]) {
      assert.isFalse(isAddress(url), url)
    }
  })

  it("throttle with 429 and Retry-After, and imports with a 400", () => {
    assert.deepStrictEqual(throttled(429, {}, { "retry-after": "3" }), {
      kind: "rate",
      retryAfter: Duration.seconds(3)
    })
    assert.deepStrictEqual(throttled(429, {}), { kind: "rate" })
    const reasons = ["Up to 100 imports may be requested per minute."]
    assert.deepStrictEqual(throttled(400, { success: 0, message: "Rate limit exceeded.", failureReasons: reasons }), {
      kind: "rate",
      retryAfter: "1 minute"
    })
    const failureReasons = [{ contact: 1, failureReason: "Field 'email' incorrect format: Rate limit exceeded" }]
    assert.isUndefined(throttled(400, { success: 0, message: "JSON payload did not pass validation.", failureReasons }))
    assert.isUndefined(throttled(403, { message: "Forbidden" }))
    assert.deepStrictEqual(limits.requests, { limit: 5, window: "1 second" })
  })

  it.live("have fields of their own, which go by their ids and as texts", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* makeImporting()
      const own = (yield* contacts.describeFields).filter(({ name }) => name.startsWith("field_"))
      assert.deepStrictEqual(own, [
        { name: "field_1", label: "Plan", type: "choice", required: false },
        { name: "field_2", label: "Seats", type: "number", required: false }
      ])
      const contact = example(1, untitled)
      yield* contacts.upsert([{ ...contact, fields: { email: contact.email, field_1: "Pro", field_2: 5 } }])
      assert.deepStrictEqual(bodyOf(server.requests.at(-1)), {
        contacts: [
          {
            email: contact.email,
            fields: [
              { id: 1, value: "Pro" },
              { id: 2, value: "5" }
            ]
          }
        ]
      })
    })
  )

  it.live("have no fields of other names", () =>
    Effect.gen(function* () {
      const { contacts, example } = yield* makeImporting()
      const error = yield* Effect.flip(contacts.upsert([{ ...example(1), fields: { firstName: "Ada" } }]))
      assert.deepStrictEqual(
        [error.reason._tag, error.detail],
        ["Misconfigured", `ActiveCampaign's contacts have no field "firstName": change the field mapping`]
      )
    })
  )
})
