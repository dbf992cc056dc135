/** HubSpot's errors and throttles, as its error handling and usage guideline pages have them. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect } from "effect"
import { json, makeStand } from "nexus-integrations/plugin/testing"
import { HubSpotEmulator } from "../../../plugins/hubspot/Emulator.ts"
import { HubSpotPlugin } from "../../../plugins/hubspot/HubSpot.ts"
import { limits } from "../../../plugins/hubspot/Limits.ts"

const html = { status: 502, body: "<html>Bad gateway</html>", headers: { "content-type": "text/html" } }

const failures: ReadonlyArray<readonly [string, Parameters<typeof json>, string, string]> = [
  [
    "an expired token",
    [
      401,
      {
        category: "EXPIRED_AUTHENTICATION",
        message: "The OAuth token used to make this call expired 75 second(s) ago."
      }
    ],
    "Unauthorized",
    "The access token has expired"
  ],
  ["a refusal without a body to speak of", [401, {}], "Unauthorized", "HubSpot answered with status 401"],
  [
    "a request that is refused",
    [400, { category: "VALIDATION_ERROR", message: "Invalid input JSON" }],
    "Rejected",
    "Invalid input JSON"
  ],
  ["a resource that is gone", [404, { message: "resource not found" }], "Misconfigured", "resource not found"],
  ["a fault of HubSpot's", [521, {}], "Unavailable", "HubSpot answered with status 521"]
]

describe("HubSpot's errors", () => {
  for (const [what, answer, tag, detail] of failures) {
    it.live(`read ${what}`, () =>
      Effect.gen(function* () {
        const { session, server } = yield* makeStand(HubSpotPlugin, HubSpotEmulator)
        server.inject({ kind: json(...answer) })
        const error = yield* Effect.flip((yield* session()).verify)
        assert.deepStrictEqual([error.reason._tag, error.detail], [tag, detail])
      })
    )
  }

  it.live("name the scopes that are missing, wherever the envelope has them", () =>
    Effect.gen(function* () {
      const { session, server } = yield* makeStand(HubSpotPlugin, HubSpotEmulator)
      const { verify } = yield* session()
      const scope = ["crm.objects.contacts.read"]
      for (const [body, missing] of [
        [{ errors: [{ context: { missingScopes: scope } }] }, "the scope crm.objects.contacts.read"],
        [{ context: { requiredScopes: scope } }, "the scope crm.objects.contacts.read"],
        [{}, "a scope of the private app"]
      ] as const) {
        server.inject({
          kind: json(403, {
            category: "MISSING_SCOPES",
            message: "This app hasn't been granted all required scopes",
            ...body
          }),
          when: ({ path }) => path === "/crm/v3/objects/contacts"
        })
        const { reason } = yield* Effect.flip(verify)
        assert.deepInclude(reason, { _tag: "Forbidden", missing })
      }
    })
  )

  it.live("read a gateway's page as an outage", () =>
    Effect.gen(function* () {
      const { session, server } = yield* makeStand(HubSpotPlugin, HubSpotEmulator)
      server.inject({ kind: html })
      assert.strictEqual((yield* Effect.flip((yield* session()).verify)).reason._tag, "Unavailable")
    })
  )
})

describe("HubSpot's limits", () => {
  const now = DateTime.makeUnsafe(0)
  const throttle = (status: number, body: object | string, headers: Readonly<Record<string, string>> = {}) => {
    const found = limits.throttled(
      { status, headers, body: typeof body === "string" ? body : JSON.stringify(body) },
      now
    )
    if (found === undefined) return undefined
    const { kind, retryAfter } = found
    return retryAfter === undefined ? kind : `${kind} ${Duration.toSeconds(Duration.fromInputUnsafe(retryAfter))}`
  }

  it("are 100 requests in ten seconds, which every plan allows", () => {
    assert.deepStrictEqual(limits.requests, { limit: 100, window: "10 seconds" })
  })

  it("tell a used up day from a moment's haste", () => {
    assert.strictEqual(throttle(429, { errorType: "RATE_LIMIT", policyName: "DAILY" }), "quota")
    assert.strictEqual(throttle(429, { policyName: "TEN_SECONDLY_ROLLING" }), "rate 10")
    assert.strictEqual(throttle(429, { policyName: "SECONDLY" }), "rate")
    assert.strictEqual(throttle(429, "<html>"), "rate")
  })

  it("wait for a locked record, and for an account that is moved as long as HubSpot says", () => {
    assert.strictEqual(throttle(423, {}), "rate 2")
    assert.strictEqual(throttle(477, {}, { "retry-after": "86400" }), "rate 86400")
    assert.strictEqual(throttle(477, {}), "rate 60")
  })
})
