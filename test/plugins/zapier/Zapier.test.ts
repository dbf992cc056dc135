import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Redacted } from "effect"
import { makeStand } from "nexus-integrations/plugin/testing"
import { ZapierEmulator } from "../../../plugins/zapier/Emulator.ts"
import { ZapierPlugin } from "../../../plugins/zapier/Zapier.ts"

const emulator = ZapierEmulator()
const stand = makeStand(ZapierPlugin, () => emulator)
const hook = "/hooks/catch/123456/emulator/"

/** A request that reaches the emulator past HTTP, at a moment of the caller's choice. */
const request = (path: string, now: number, body = "{}") => ({
  method: "POST",
  path,
  query: new URLSearchParams(),
  headers: { "content-type": "application/json" },
  host: "hooks.zapier.com",
  body,
  bytes: new TextEncoder().encode(body),
  isPartial: false,
  now
})

const post = (url: string, init: RequestInit) => Effect.promise(() => fetch(url, { method: "POST", ...init }))

describe("Zapier", () => {
  it.live("tells whose hook it is from the URL, and asks nobody", () =>
    Effect.gen(function* () {
      const { session, server } = yield* stand
      assert.deepStrictEqual(yield* (yield* session()).verify, { id: "123456", label: "Zapier (user 123456)" })
      const legacy = yield* session({ webhookUrl: "https://hooks.zapier.com/hooks/catch/abc123/" })
      assert.deepStrictEqual(yield* legacy.verify, { id: "legacy", label: "Zapier" })
      // A legacy hook whose id is all digits is no user.
      const digits = yield* session({ webhookUrl: "https://hooks.zapier.com/hooks/catch/123/" })
      assert.deepStrictEqual(yield* digits.verify, { id: "legacy", label: "Zapier" })
      assert.lengthOf(server.requests, 0)
    })
  )

  it.live("hands out the URL for events, as a secret", () =>
    Effect.gen(function* () {
      const { session, provider, server } = yield* stand
      const { webhook, contacts, revoke } = yield* session()
      assert.isTrue(provider.hasWebhook)
      assert.isDefined(webhook)
      assert.strictEqual(Redacted.value(webhook), server.url + hook, "where the host is pointed")
      assert.notInclude(String(webhook), "emulator")
      assert.isUndefined(contacts)
      assert.isUndefined(revoke)
    })
  )

  for (const webhookUrl of [
    "https://hooks.zapier.com/hooks/catch/123456/abcdef",
    "https://hooks.zapier.com/hooks/catch/123456/abcdef/silent/",
    "https://hooks.zapier.com/hooks/catch/123456/abcdef,ghijkl/"
  ]) {
    it.live(`takes ${webhookUrl}`, () => Effect.flatMap(stand, ({ session }) => session({ webhookUrl })))
  }

  for (const webhookUrl of [
    "http://hooks.zapier.com/hooks/catch/123456/abcdef/",
    "https://evilzapier.com/hooks/catch/123456/abcdef/",
    "https://hooks.zapier.com.evil.example/hooks/catch/123456/abcdef/",
    "https://user@hooks.zapier.com/hooks/catch/123456/abcdef/",
    "https://hooks.zapier.com@evil.example/hooks/catch/1/a/",
    "https://hooks.zapier.com:8443/hooks/catch/123456/abcdef/",
    "https://hooks.zapier.com/hooks/catch/../../admin/",
    "https://hooks.zapier.com/hooks/catch/%2e%2e/x/",
    "https://hooks.zapier.com/hooks/catch//",
    "https://hooks.zapier.com/app/zaps/",
    "https://evil.example/?to=https://hooks.zapier.com/hooks/catch/1/a/",
    "https://hooks.zapier.com/hooks/catch/1/a/?x=1",
    "https://hooks.zapier.com/hooks/catch/1/a/#x"
  ]) {
    it.live(`refuses ${webhookUrl} with what it expects`, () =>
      Effect.gen(function* () {
        const { session } = yield* stand
        const error = yield* Effect.flip(session({ webhookUrl }))
        assert.include(String(error), "https://hooks.zapier.com/hooks/catch/")
        assert.notInclude(String(error), webhookUrl)
      })
    )
  }

  it.live("honours a wait when a throttled answer names one", () =>
    Effect.gen(function* () {
      const { limits } = (yield* stand).provider
      const throttled = (status: number, headers: Readonly<Record<string, string>>) =>
        limits.throttled({ status, headers, body: "" }, DateTime.makeUnsafe(0))
      assert.deepStrictEqual(throttled(429, {}), { kind: "rate" })
      assert.deepStrictEqual(throttled(429, { "retry-after": "7" }), { kind: "rate", retryAfter: Duration.seconds(7) })
      assert.deepStrictEqual(throttled(429, { "retry-after": "soon" }), { kind: "rate" })
      assert.isUndefined(throttled(200, {}))
    })
  )
})

describe("Zapier's emulator", () => {
  it.live("catches JSON and forms, and answers the same for a Zap that is off", () =>
    Effect.gen(function* () {
      const { server, emulator: own } = yield* stand
      const before = emulator.catches().length
      const event = { event: "CARD_VIEW", data: { cardId: "card-123" } }
      const headers = { "content-type": "application/json" }
      const answer = yield* post(`${server.url}${hook}`, { headers, body: JSON.stringify(event) })
      assert.strictEqual(answer.status, 200)
      assert.include(yield* Effect.promise(() => answer.text()), '"status":"success"')
      yield* post(`${server.url}${hook}`, { body: new URLSearchParams({ a: "1" }) })
      own.revokeAccess(true)
      const off = yield* post(`${server.url}${hook}`, { headers, body: JSON.stringify(event) })
      own.revokeAccess(false)
      assert.strictEqual(off.status, 200)
      assert.deepStrictEqual(
        emulator
          .catches()
          .slice(before)
          .map(({ payload, runs }) => ({ payload, runs })),
        [
          { payload: event, runs: 1 },
          { payload: { a: "1" }, runs: 1 },
          { payload: event, runs: 0 }
        ]
      )
    })
  )

  it("answers nothing in silent mode, and runs a list once or for each element", () => {
    const each = ZapierEmulator()
    assert.deepStrictEqual(each.answer(request("/hooks/catch/1/a/silent/", 0, "[{},{}]")), { status: 200 })
    assert.strictEqual(each.catches()[0]?.runs, 2)
    const once = ZapierEmulator("once")
    once.answer(request("/hooks/catch/1/a/", 0, "[{},{}]"))
    assert.strictEqual(once.catches()[0]?.runs, 1)
  })

  it("throttles past 30 a second for a hook, and 1,000 in five minutes for a legacy one", () => {
    const busy = ZapierEmulator()
    for (let n = 0; n < 30; n++) assert.strictEqual(busy.answer(request("/hooks/catch/1/a/", 0)).status, 200)
    assert.strictEqual(busy.answer(request("/hooks/catch/1/a/", 999)).status, 429)
    assert.strictEqual(busy.answer(request("/hooks/catch/1/a/", 2000)).status, 200)
    const legacy = ZapierEmulator()
    for (let n = 0; n < 1000; n++) assert.strictEqual(legacy.answer(request("/hooks/catch/abc/", n * 100)).status, 200)
    assert.strictEqual(legacy.answer(request("/hooks/catch/abc/", 100_000)).status, 429)
    assert.strictEqual(legacy.answer(request("/hooks/catch/abc/", 400_000)).status, 200)
  })

  it("refuses what is no hook, other methods, and bodies over 10 MB", () => {
    const strict = ZapierEmulator()
    assert.strictEqual(strict.answer(request("/hooks/", 0)).status, 404)
    assert.strictEqual(strict.answer({ ...request("/hooks/catch/1/a/", 0), method: "PATCH" }).status, 405)
    assert.strictEqual(strict.answer(request("/hooks/catch/1/a/", 0, "x".repeat(10 * 1024 * 1024 + 1))).status, 413)
  })
})
