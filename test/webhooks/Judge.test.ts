import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { DeliveryId, EventId, UserId, WebhookId } from "../../src/domain/Ids.ts"
import type { Claim } from "../../src/webhooks/Claim.ts"
import { type Answer, describe as explain, judge } from "../../src/webhooks/Judge.ts"
import type { Verdict } from "../../src/webhooks/Outcome.ts"

const id = "0199f0a0-0000-7000-8000-000000000000"
const now = Date.UTC(2026, 0, 1)
const delays = Array.from({ length: 15 }, (_, index) => 2000 * 2 ** index)

const claim = (attemptCount: number, more: Partial<Claim> = {}): Claim => ({
  deliveryId: DeliveryId.make(id),
  eventId: EventId.make(id),
  webhookId: WebhookId.make(id),
  webhookVersion: 1,
  userId: UserId.make("u"),
  eventType: "CARD_VIEW",
  body: "{}",
  attemptCount,
  attemptsBefore: 0,
  maxAttempts: 5,
  isManual: false,
  traceparent: null,
  ...more
})

const answered = (status: number, headers: Record<string, string> = {}): Answer => ({
  _tag: "Answered",
  status,
  headers
})
const unanswered: Answer = { _tag: "Unanswered", error: "No answer within 10 seconds" }
const delayOf = (answer: Answer, attemptCount = 0) => {
  const verdict = judge(claim(attemptCount), answer, delays, now)
  return verdict._tag === "Retry" ? verdict.delayMillis : undefined
}

describe("Judge", () => {
  it("delivers on every 2xx and on nothing else", () => {
    for (let status = 100; status < 600; status++) {
      const verdict = judge(claim(0), answered(status), delays, now)
      assert.strictEqual(verdict._tag === "Delivered", status >= 200 && status < 300, String(status))
    }
  })

  it("tries five times, with the delays of the schedule, and then fails", () => {
    for (const answer of [unanswered, answered(500), answered(302), answered(404)]) {
      assert.deepStrictEqual(
        [0, 1, 2, 3].map((count) => delayOf(answer, count)),
        [2000, 4000, 8000, 16_000]
      )
      assert.deepStrictEqual(judge(claim(4), answer, delays, now), { _tag: "Failed", gone: false })
    }
  })

  it("counts only the attempts of the round, and as many as the webhook's policy has", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 0, max: 15 }),
        (before, max, made) => {
          const verdict = judge(
            claim(before + made, { attemptsBefore: before, maxAttempts: max }),
            unanswered,
            delays,
            now
          )
          const expected: Verdict =
            made + 1 < max ? { _tag: "Retry", delayMillis: 2000 * 2 ** made } : { _tag: "Failed", gone: false }
          assert.deepStrictEqual(verdict, expected)
        }
      )
    )
  })

  it("fails at once when the receiver is gone", () => {
    assert.deepStrictEqual(judge(claim(0), answered(410), delays, now), { _tag: "Failed", gone: true })
  })

  it("honours Retry-After of 429 and 503, in both forms, up to an hour and never below the schedule", () => {
    const after = (value: string, status = 429) => delayOf(answered(status, { "retry-after": value }))
    assert.strictEqual(after("120"), 120_000)
    assert.strictEqual(after(" 120 ", 503), 120_000)
    assert.strictEqual(after("Thu, 01 Jan 2026 00:05:00 GMT"), 300_000)
    assert.strictEqual(after("999999999"), 3_600_000)
    assert.strictEqual(after("Fri, 02 Jan 2026 00:00:00 GMT"), 3_600_000)
    for (const value of ["1", "0", "-5", "", "soon", "1e9", "Wed, 31 Dec 2025 00:00:00 GMT"])
      assert.strictEqual(after(value), 2000, value)
    for (const status of [500, 502, 301, 404]) assert.strictEqual(after("120", status), 2000)
  })

  it("never shortens a delay and never lengthens one beyond an hour, whatever the header says", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 3 }), (value, count) => {
        const delay = delayOf(answered(503, { "retry-after": value }), count) ?? 0
        assert.isAtLeast(delay, delays[count] ?? 0)
        assert.isAtMost(delay, 3_600_000)
      })
    )
  })

  it("says in words what went wrong", () => {
    assert.isNull(explain(answered(204)))
    assert.strictEqual(explain(answered(503)), "The receiver answered 503 Service Unavailable")
    assert.strictEqual(explain(answered(599)), "The receiver answered 599")
    assert.strictEqual(explain(unanswered), "No answer within 10 seconds")
    assert.strictEqual(
      explain(answered(301, { location: "https://example.com/new" })),
      "The receiver answered 301 Moved Permanently to https://example.com/new; redirects are not followed"
    )
    assert.isBelow(explain(answered(301, { location: "x".repeat(9000) }))?.length ?? 0, 300)
  })
})
