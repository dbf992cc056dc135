import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import fc from "fast-check"
import { sign, signingKey } from "../../src/webhooks/Signature.ts"
import { type VerifyRequest, verify } from "../../src/webhooks/Verify.ts"

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
const id = "0198c0de-0000-7000-8000-000000000001"
const event = { event: "CARD_VIEW", timestamp: "2025-11-20T10:30:00.000Z", data: { cardId: "card-123" } }
const body = JSON.stringify(event)
const seconds = 1_763_634_600
const now = seconds * 1000

const headersFor = (text: string, signedBy = secret) => ({
  "webhook-id": id,
  "webhook-timestamp": String(seconds),
  ...sign({ current: signingKey(Redacted.make(signedBy)) }, id, seconds, text)
})
const headers = headersFor(body)

/** "accepted" or the reason for the refusal, of a valid request with some of it replaced. */
const outcome = (changes: Partial<VerifyRequest>) =>
  Effect.promise(() => verify({ body, headers, secret, now, ...changes })).pipe(
    Effect.map((result) => (result.ok ? "accepted" : result.reason))
  )

const hexOnly = { "X-Webhook-Signature": headers["x-webhook-signature"] }

const importsOf = (file: string) =>
  Array.from(
    readFileSync(new URL(`../../src/webhooks/${file}`, import.meta.url), "utf8").matchAll(
      /^(?:import|\}) .*from "(.*)"$/gm
    ),
    ([, from]) => from
  )

describe("verify", () => {
  it("depends on no package and no platform", () => {
    assert.deepStrictEqual(importsOf("Verify.ts"), ["./StandardKey.ts"])
    assert.deepStrictEqual(importsOf("StandardKey.ts"), [])
  })

  it.effect("returns the event and its id", () =>
    Effect.gen(function* () {
      const result = yield* Effect.promise(() => verify({ body, headers, secret, now }))
      assert.deepStrictEqual(result, { ok: true, id, ...event })
    })
  )

  it.effect("reads Headers, records in any case, and lists of values", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome({ headers: new Headers(headers) }), "accepted")
      const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
      assert.strictEqual(yield* outcome({ headers: shouted }), "accepted")
      const listed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))
      assert.strictEqual(yield* outcome({ headers: { ...listed, accept: undefined } }), "accepted")
    })
  )

  it.effect("takes the body as bytes, also as a part of a larger buffer", () =>
    Effect.gen(function* () {
      const bytes = new TextEncoder().encode(`--${body}--`)
      assert.strictEqual(yield* outcome({ body: bytes.subarray(2, -2) }), "accepted")
    })
  )

  it.effect("accepts the documented header alone, whose id nothing vouches for", () =>
    Effect.gen(function* () {
      const result = yield* Effect.promise(() =>
        verify({ body, headers: { ...hexOnly, "webhook-id": "made up" }, secret, now: now + 86_400_000 })
      )
      assert.deepStrictEqual(result, { ok: true, id: null, ...event })
    })
  )

  it.effect("refuses the documented header alone when standardOnly is set", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome({ headers: hexOnly, standardOnly: true }), "no-signature")
    })
  )

  it.effect("does not fall back to the documented header when the standard one is wrong or late", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome({ headers: { ...headers, "webhook-signature": "v1," } }), "wrong-signature")
      assert.strictEqual(yield* outcome({ headers: { ...headers, "webhook-signature": "" } }), "wrong-signature")
      assert.strictEqual(yield* outcome({ now: now + 301_000 }), "wrong-time")
      assert.strictEqual(yield* outcome({ headers: { ...headers, "webhook-id": "" } }), "missing-header")
    })
  )

  it.effect("tolerates five minutes in both directions, or what it is told", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome({ now: now + 300_000 }), "accepted")
      assert.strictEqual(yield* outcome({ now: now - 300_000 }), "accepted")
      assert.strictEqual(yield* outcome({ now: now - 301_000 }), "wrong-time")
      assert.strictEqual(yield* outcome({ now: now + 11_000, tolerance: 10 }), "wrong-time")
      assert.strictEqual(yield* outcome({ tolerance: Number.NaN }), "wrong-time")
    })
  )

  it.effect("binds the id and the time to the signature", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome({ headers: { ...headers, "webhook-id": "another" } }), "wrong-signature")
      const later = { ...headers, "webhook-timestamp": String(seconds + 1) }
      assert.strictEqual(yield* outcome({ headers: later }), "wrong-signature")
    })
  )

  it.effect("accepts any one of several secrets, and never an empty one", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome({ secret: ["another", secret] }), "accepted")
      assert.strictEqual(yield* outcome({ secret: ["another", "and another"] }), "wrong-signature")
      for (const none of ["", [], [""]]) assert.strictEqual(yield* outcome({ secret: none }), "no-secret")
    })
  )

  it.effect("finds ours among signatures of other versions, but reads no endless list", () =>
    Effect.gen(function* () {
      const signature = headers["webhook-signature"]
      const others = { ...headers, "webhook-signature": `v1a,AAAA v2,${signature.slice(3)} ${signature}` }
      assert.strictEqual(yield* outcome({ headers: others }), "accepted")
      const endless = { ...headers, "webhook-signature": `${"v1,AAAA ".repeat(8)}${signature}` }
      assert.strictEqual(yield* outcome({ headers: endless }), "wrong-signature")
    })
  )

  it.effect("asks for the raw body when a middleware has parsed it", () =>
    Effect.gen(function* () {
      const parsed: VerifyRequest = Object.assign({ body, headers, secret, now }, { body: JSON.parse(body) })
      assert.strictEqual(yield* outcome(parsed), "body-not-raw")
    })
  )

  it.effect("tells a signed body that is no event from a forged one", () =>
    Effect.gen(function* () {
      for (const text of ["", "null", "[]", "{", '{"event":1,"timestamp":"now"}']) {
        assert.strictEqual(yield* outcome({ body: text, headers: headersFor(text) }), "not-an-event")
        assert.strictEqual(yield* outcome({ body: text, headers: headersFor(text, "forged") }), "wrong-signature")
      }
    })
  )

  it.effect("refuses every signature with one character changed or removed", () =>
    Effect.gen(function* () {
      for (const name of ["webhook-signature", "x-webhook-signature"] as const) {
        const signature = headers[name]
        const rest = name === "webhook-signature" ? headers : {}
        for (let at = 0; at < signature.length; at++) {
          const [before, after] = [signature.slice(0, at), signature.slice(at + 1)]
          const swapped = `${before}${signature[at] === "0" ? "1" : "0"}${after}`
          for (const wrong of [swapped, before + after]) {
            assert.strictEqual(yield* outcome({ headers: { ...rest, [name]: wrong } }), "wrong-signature", wrong)
          }
        }
      }
    })
  )

  it.effect("never throws, whatever stands in the headers and the body", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.record({
            "webhook-id": fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
            "webhook-timestamp": fc.option(fc.oneof(fc.string(), fc.constant(String(seconds))), { nil: undefined }),
            "webhook-signature": fc.option(
              fc.oneof(
                fc.string(),
                fc.base64String().map((text) => `v1,${text}`)
              ),
              { nil: undefined }
            ),
            "x-webhook-signature": fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.array(fc.string())), {
              nil: undefined
            })
          }),
          fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array()),
          async (headers, body) => {
            assert.isFalse((await verify({ headers, body, secret, now })).ok)
          }
        ),
        { numRuns: 1000 }
      )
    )
  )
})
