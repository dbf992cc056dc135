import { createHmac } from "node:crypto"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import fc from "fast-check"
import { Webhook } from "standardwebhooks"
import { newSecret, sign, signingKey } from "../../src/webhooks/Signature.ts"
import { verify } from "../../src/webhooks/Verify.ts"
import { verifyWebhookSignature } from "./fixtures/VerifySnippet.ts"

const eventId = "0198c0de-0000-7000-8000-000000000001"

/** The consumers compare with the real clock. */
const timestamp = Math.floor(Date.now() / 1000)

const bodyOf = (text: string) =>
  JSON.stringify({ event: "CONTACT_CREATED", timestamp: "2025-11-20T10:30:00.000Z", data: { text } })

const headersOf = (secret: Redacted.Redacted<string>, body: string, previous?: Redacted.Redacted<string>) => ({
  "webhook-id": eventId,
  "webhook-timestamp": String(timestamp),
  ...sign({ current: signingKey(secret), previous: previous && signingKey(previous) }, eventId, timestamp, body)
})

const accepts = (webhook: Webhook, body: string, headers: Record<string, string>) => {
  try {
    webhook.verify(body, headers)
    return true
  } catch {
    return false
  }
}

/** The body with one bit of one character flipped, at the place that `at` (0 to 1) names. */
const flipped = (body: string, at: number) => {
  const index = Math.min(body.length - 1, Math.floor(at * body.length))
  return body.slice(0, index) + String.fromCharCode(body.charCodeAt(index) ^ 1) + body.slice(index + 1)
}

describe("Signature", () => {
  it.effect("satisfies the documented snippet, the standardwebhooks library and our verify, for any text", () =>
    Effect.gen(function* () {
      const secret = yield* newSecret
      const plain = Redacted.value(secret)
      const library = new Webhook(plain)
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.string({ unit: "binary", maxLength: 200 }),
            fc.double({ min: 0, max: 1, noNaN: true }),
            async (text, at) => {
              const body = bodyOf(text)
              const headers = headersOf(secret, body)
              assert.isTrue(verifyWebhookSignature(body, headers["x-webhook-signature"], plain))
              assert.isTrue(accepts(library, body, headers))
              const result = await verify({ body, headers, secret: plain })
              assert.deepStrictEqual(result, { ok: true, id: eventId, ...JSON.parse(body) })

              const changed = flipped(body, at)
              assert.isFalse(verifyWebhookSignature(changed, headers["x-webhook-signature"], plain))
              assert.isFalse(accepts(library, changed, headers))
              assert.isFalse((await verify({ body: changed, headers, secret: plain })).ok)
            }
          ),
          { numRuns: 1000 }
        )
      )
    })
  )

  it.effect("signs bytes as it signs the text they encode", () =>
    Effect.gen(function* () {
      const current = signingKey(yield* newSecret)
      const body = bodyOf("Zoë \u{1f4c7}")
      const bytes = new TextEncoder().encode(body)
      assert.deepStrictEqual(sign({ current }, eventId, timestamp, bytes), sign({ current }, eventId, timestamp, body))
    })
  )

  it.effect("keeps consumers of the old and of the new secret working while a rotation overlaps", () =>
    Effect.gen(function* () {
      const [old, fresh] = [yield* newSecret, yield* newSecret]
      const body = bodyOf("overlap")
      const headers = headersOf(fresh, body, old)

      const signatures = headers["webhook-signature"].split(" ")
      assert.strictEqual(signatures.length, 2)
      assert.strictEqual(signatures[0], headersOf(fresh, body)["webhook-signature"], "the new one comes first")
      for (const secret of [Redacted.value(old), Redacted.value(fresh)]) {
        assert.isTrue(accepts(new Webhook(secret), body, headers))
        assert.isTrue((yield* Effect.promise(() => verify({ body, headers, secret }))).ok)
      }
      assert.isTrue(verifyWebhookSignature(body, headers["x-webhook-signature"], Redacted.value(old)))
      assert.isFalse(verifyWebhookSignature(body, headers["x-webhook-signature"], Redacted.value(fresh)))
    })
  )

  it("matches the test vector of the Standard Webhooks libraries", () => {
    const secret = Redacted.make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    const headers = sign(
      { current: signingKey(secret) },
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1614265330,
      '{"test": 2432232314}'
    )
    assert.strictEqual(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  })

  it.each([
    "an older system's secret",
    "whsec_",
    "whsec_not base64!",
    "whsec_abc123",
    "whsec_YQ",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  ])("takes the imported secret %j as its UTF-8 bytes", (secret) => {
    const expected = createHmac("sha256", secret).update(`${eventId}.${timestamp}.{}`).digest("base64")
    const headers = sign({ current: signingKey(Redacted.make(secret)) }, eventId, timestamp, "{}")
    assert.strictEqual(headers["webhook-signature"], `v1,${expected}`)
  })

  it("refuses to prepare an empty secret", () => {
    assert.throws(() => signingKey(Redacted.make("")), /empty/)
  })

  it.effect("makes secrets of 32 random bytes that neither they nor their keys print", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* newSecret, yield* newSecret]
      const plain = Redacted.value(one)
      assert.match(plain, /^whsec_[A-Za-z0-9+/]{43}=$/)
      assert.notStrictEqual(plain, Redacted.value(other))
      const printed =
        inspect(signingKey(one), { depth: 9, showHidden: true }) + JSON.stringify(signingKey(one)) + String(one)
      assert.notInclude(printed, plain.slice("whsec_".length))
    })
  )
})
