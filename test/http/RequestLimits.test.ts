import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { RequestLimits } from "../../src/http/RequestLimits.ts"
import { TestApi } from "../support/TestApi.ts"

const limits = { NEXUS_REQUESTS_PER_MINUTE: "3", NEXUS_UNAUTHENTICATED_REQUESTS_PER_MINUTE: "2" }
const Limits = RequestLimits.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(limits))))

describe("RequestLimits", () => {
  it.effect("counts each user by the minute", () =>
    Effect.gen(function* () {
      const { ofUser } = yield* RequestLimits
      const take = Effect.map(ofUser("a"), ({ remaining, isExceeded }) => [remaining, isExceeded])
      assert.deepStrictEqual(
        [yield* take, yield* take, yield* take, yield* take],
        [
          [2, false],
          [1, false],
          [0, false],
          [0, true]
        ]
      )
      assert.isFalse((yield* ofUser("b")).isExceeded)
      yield* TestClock.adjust("59 seconds")
      assert.deepInclude(yield* ofUser("a"), { isExceeded: true, resetSeconds: 1 })
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* ofUser("a"), { isExceeded: false, remaining: 2, resetSeconds: 60 })
    }).pipe(Effect.provide(Limits))
  )

  it.effect("takes an IPv6 /64, and IPv4 in either spelling, for one caller", () =>
    Effect.gen(function* () {
      const { ofAddress } = yield* RequestLimits
      const remaining = (address: string) => Effect.map(ofAddress(address), (_) => _.remaining)
      assert.strictEqual(yield* remaining("2001:db8:0:1::1"), 1)
      assert.strictEqual(yield* remaining("2001:db8:0:1:ffff::2"), 0)
      assert.strictEqual(yield* remaining("2001:db8:0:2::1"), 1)
      assert.strictEqual(yield* remaining("192.0.2.1"), 1)
      assert.strictEqual(yield* remaining("::ffff:192.0.2.1"), 0)
    }).pipe(Effect.provide(Limits))
  )

  it.effect("holds a bounded number of counters, however many addresses come", () =>
    Effect.gen(function* () {
      const { ofAddress } = yield* RequestLimits
      for (let n = 0; n < 50_000; n++) yield* ofAddress(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)
      assert.strictEqual((yield* ofAddress("192.0.2.1")).remaining, 1)
      assert.strictEqual((yield* ofAddress("192.0.2.2")).remaining, 0, "newcomers share a counter")
      assert.isTrue((yield* ofAddress("192.0.2.3")).isExceeded)
    }).pipe(Effect.provide(Limits))
  )
})

layer(TestApi.layer(limits), { excludeTestServices: true })("The API past its limits", (it) => {
  it.effect("tells each user how much is left, then 429 and when to come back", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const bearer = yield* token("busy")
      const get = ask("GET", "/integrations/event-types", { token: bearer })
      const first = yield* get
      assert.match(first.headers.get("ratelimit") ?? "", /^"default";r=2;t=\d+$/)
      assert.strictEqual(first.headers.get("ratelimit-policy"), '"default";q=3;w=60')
      yield* get
      assert.strictEqual((yield* get).status, 200)
      const refused = yield* get
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.json.type, "urn:nexus:problem:too-many-requests")
      assert.strictEqual(refused.headers.get("retry-after"), String(refused.json.retryAfter))
      assert.strictEqual((yield* ask("GET", "/integrations/event-types")).status, 200, "others are not concerned")
    })
  )

  it.effect("stops a flood without tokens, and lets valid tokens through from the same address", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const knock = Effect.map(ask("GET", "/audit-log", { token: "guess" }), ({ status }) => status)
      assert.deepStrictEqual([yield* knock, yield* knock, yield* knock], [401, 401, 429])
      assert.strictEqual((yield* ask("GET", "/audit-log", { token: yield* token("someone") })).status, 200)
    })
  )
})
