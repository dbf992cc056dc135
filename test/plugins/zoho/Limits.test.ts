import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { ZohoEmulator } from "../../../plugins/zoho/Emulator.ts"
import { limits } from "../../../plugins/zoho/Limits.ts"
import { zoho } from "./ZohoStand.ts"

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
