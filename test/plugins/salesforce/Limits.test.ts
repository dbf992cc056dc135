import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { limits } from "../../../plugins/salesforce/Limits.ts"
import { refused, salesforce } from "./SalesforceStand.ts"

describe("Salesforce's limits", () => {
  const now = DateTime.makeUnsafe(0)
  const throttled = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    limits.throttled({ status, headers, body: JSON.stringify(body) }, now)
  const exceeded = (message: string) => [{ message, errorCode: "REQUEST_LIMIT_EXCEEDED" }]

  it("tell the day's allowance from too many requests at once", () => {
    assert.deepStrictEqual(throttled(403, exceeded("TotalRequests Limit exceeded.")), { kind: "quota" })
    assert.deepStrictEqual(throttled(403, exceeded("ConcurrentRequests (Concurrent API Requests) Limit exceeded.")), {
      kind: "rate"
    })
    for (const status of [420, 429]) assert.deepStrictEqual(throttled(status, ""), { kind: "rate" })
    assert.deepInclude(throttled(429, "", { "retry-after": "7" }), { kind: "rate" })
    assert.isUndefined(throttled(403, [{ errorCode: "INSUFFICIENT_ACCESS" }]))
    assert.isUndefined(throttled(503, exceeded("TotalRequests Limit exceeded.")))
    assert.isUndefined(limits.throttled({ status: 403, headers: {}, body: "<html>" }, now))
  })

  it.live("are waited out", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce()
      server.inject({ kind: { status: 429, headers: { "retry-after": "0" } }, times: 2 })
      assert.strictEqual((yield* contacts.upsert(some([1])))[0]?._tag, "Created")
    })
  )

  it.live("end a call when the day's allowance is used up", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce()
      server.inject({ kind: refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.") })
      const error = yield* Effect.flip(contacts.upsert(some([1])))
      assert.strictEqual(error.reason._tag, "QuotaExhausted")
      assert.strictEqual(server.requests.length, 1)
    })
  )
})
