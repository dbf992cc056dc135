import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { DeliveryId, EventId, UserId, WebhookId } from "../../src/domain/Ids.ts"
import type { Claim } from "../../src/webhooks/Claim.ts"
import { Lanes } from "../../src/webhooks/Lanes.ts"

const uuid = (n: number) => `0199f0a0-0000-7000-8000-${String(n).padStart(12, "0")}`
const webhook = (n: number) => WebhookId.make(uuid(n))

let made = 0
const claim = (webhookNumber: number, body = "{}"): Claim => ({
  deliveryId: DeliveryId.make(uuid(++made)),
  eventId: EventId.make(uuid(made)),
  webhookId: webhook(webhookNumber),
  webhookVersion: 1,
  userId: UserId.make("u"),
  eventType: "CARD_VIEW",
  body,
  attemptCount: 0,
  attemptsBefore: 0,
  maxAttempts: 5,
  isManual: false,
  traceparent: null
})

const limits = { held: 100, heldPerWebhook: 20, inFlight: 50, inFlightPerOrigin: 8 }
const at = (origin: string, maxInFlight = 4) => ({ origin, maxInFlight })

/** Lanes with a clock that only moves when it is told to, and a count of the calls for more. */
const scene = (custom: Partial<typeof limits> = {}) => {
  const clock = { now: 0, halfEmpty: 0 }
  const lanes = new Lanes(
    { ...limits, ...custom },
    () => clock.now,
    () => {
      clock.halfEmpty++
    }
  )
  const fill = (n: number, count: number, target = at(`https://${n}.example`)) => {
    for (let index = 0; index < count; index++) lanes.add(claim(n), target)
  }
  const pull = () => {
    const taken: Array<Claim> = []
    for (let next = lanes.next(); next !== undefined; next = lanes.next()) taken.push(next)
    return taken
  }
  return { lanes, clock, fill, pull }
}

const counts = (claims: ReadonlyArray<Claim>) => {
  const by: Record<string, number> = {}
  for (const { webhookId } of claims) by[webhookId] = (by[webhookId] ?? 0) + 1
  return by
}

describe("Lanes", () => {
  it("serves webhooks round robin, each up to its cap", () => {
    const { fill, lanes, pull } = scene()
    fill(1, 10)
    fill(2, 2)
    fill(3, 10)
    const taken = pull()
    assert.deepStrictEqual(
      taken.slice(0, 3).map(({ webhookId }) => webhookId),
      [webhook(1), webhook(2), webhook(3)]
    )
    assert.deepStrictEqual(counts(taken), { [webhook(1)]: 4, [webhook(2)]: 2, [webhook(3)]: 4 })
    const [first] = taken
    if (first !== undefined) lanes.done(first, 10)
    assert.deepStrictEqual(counts(pull()), { [webhook(1)]: 1 })
  })

  it("keeps the order of a webhook's claims", () => {
    const { lanes, fill, pull } = scene()
    const claims = Array.from({ length: 4 }, () => claim(1))
    for (const each of claims) lanes.add(each, at("https://a"))
    fill(2, 4)
    assert.deepStrictEqual(
      pull().filter(({ webhookId }) => webhookId === webhook(1)),
      claims
    )
  })

  it("caps an origin, and wakes who waits for it when a request to it ends", () => {
    const { lanes, fill, pull } = scene()
    for (const n of [1, 2, 3]) fill(n, 5, at("https://shared.example"))
    fill(4, 1)
    const taken = pull()
    assert.deepStrictEqual(counts(taken), { [webhook(1)]: 3, [webhook(2)]: 3, [webhook(3)]: 2, [webhook(4)]: 1 })
    const ended = taken.find(({ webhookId }) => webhookId === webhook(1))
    if (ended !== undefined) lanes.done(ended, 5)
    assert.strictEqual(pull().length, 1)
  })

  it("caps the process", () => {
    const { lanes, fill, pull } = scene({ inFlight: 5 })
    for (const n of [1, 2, 3]) fill(n, 3)
    const taken = pull()
    assert.strictEqual(taken.length, 5)
    for (const each of taken) lanes.done(each, 5)
    assert.strictEqual(pull().length, 4)
  })

  it("has room for what it does not hold, in all and for each webhook", () => {
    const { lanes, fill, pull } = scene()
    fill(1, 15)
    fill(2, 20)
    pull()
    const room = lanes.room()
    assert.strictEqual(room.total, 65)
    assert.strictEqual(room.perWebhook, 20)
    assert.deepStrictEqual(room.taken, [
      { webhookId: webhook(1), free: 5 },
      { webhookId: webhook(2), free: 0 }
    ])
  })

  it("has no room while it holds too much text", () => {
    const { lanes } = scene()
    const big = claim(1, "x".repeat(64 * 1024 * 1024 + 1))
    lanes.add(big, at("https://a"))
    assert.strictEqual(lanes.room().total, 0)
    lanes.next()
    lanes.done(big, 5)
    assert.strictEqual(lanes.room().total, 100)
  })

  it("lets a slow webhook hold no more than it has under way, and count for nothing in all", () => {
    const { lanes, clock, fill, pull } = scene()
    fill(1, 10)
    pull()
    clock.now = 2001
    assert.deepStrictEqual(lanes.room(), { total: 100, perWebhook: 20, taken: [{ webhookId: webhook(1), free: 0 }] })
    assert.strictEqual(lanes.shed().length, 6)
    assert.deepStrictEqual(lanes.shed(), [])
  })

  it("is not slow while answers come quickly", () => {
    const { lanes, clock, fill, pull } = scene()
    fill(1, 10)
    const [first] = pull()
    clock.now = 1900
    if (first !== undefined) lanes.done(first, 100)
    clock.now = 3000
    assert.deepStrictEqual(lanes.shed(), [])
    clock.now = 3901
    assert.strictEqual(lanes.shed().length, 6)
  })

  it("gives a slow webhook one request at a time while the process is busy, also when a round of time-outs ends", () => {
    const { lanes, clock, fill, pull } = scene({ inFlight: 10 })
    fill(1, 4)
    const slow = pull()
    clock.now = 2001
    fill(1, 4)
    fill(2, 6, at("https://busy.example", 6))
    const busy = pull()
    assert.deepStrictEqual(counts(busy), { [webhook(2)]: 6 })
    for (const each of slow) lanes.done(each, 10_000)
    const [again, ...more] = pull()
    assert.deepStrictEqual([again?.webhookId, more], [webhook(1), []])
    if (again !== undefined) lanes.done(again, 10)
    assert.deepStrictEqual(counts(pull()), { [webhook(1)]: 3 })
    for (const each of busy) lanes.done(each, 10)
  })

  it("gives up what waits, for one webhook or for all, and not what is under way", () => {
    const { lanes, fill, pull } = scene()
    fill(1, 6)
    fill(2, 6)
    const flying = pull()
    assert.deepStrictEqual(counts(lanes.withdraw(webhook(1))), { [webhook(1)]: 2 })
    assert.deepStrictEqual(counts(lanes.withdraw()), { [webhook(2)]: 2 })
    for (const each of flying) lanes.done(each, 5)
    assert.deepStrictEqual(pull(), [])
    assert.deepStrictEqual(lanes.room(), { total: 100, perWebhook: 20, taken: [] })
  })

  it("asks for more when a full lane is half empty", () => {
    const { lanes, clock, fill } = scene({ inFlightPerOrigin: 50 })
    fill(1, 20, at("https://a", 50))
    for (let index = 0; index < 9; index++) lanes.next()
    assert.strictEqual(clock.halfEmpty, 0)
    lanes.next()
    assert.strictEqual(clock.halfEmpty, 1)
  })

  it("loses nothing, repeats nothing and keeps every cap, whatever happens in whatever order", () => {
    const step = fc.oneof(
      fc.record({
        _tag: fc.constant("add" as const),
        webhook: fc.integer({ min: 1, max: 5 }),
        origin: fc.integer({ min: 1, max: 2 })
      }),
      fc.record({ _tag: fc.constant("next" as const) }),
      fc.record({ _tag: fc.constant("done" as const), which: fc.nat(), millis: fc.constantFrom(5, 3000) }),
      fc.record({ _tag: fc.constant("pass" as const), millis: fc.constantFrom(100, 2500) }),
      fc.record({
        _tag: fc.constant("withdraw" as const),
        webhook: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined })
      }),
      fc.record({ _tag: fc.constant("shed" as const) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { lanes, clock, pull } = scene({ inFlight: 12, inFlightPerOrigin: 6 })
        const waiting = new Set<Claim>()
        const flying: Array<Claim> = []
        const origins = new Map<string, string>()
        const leave = (claims: ReadonlyArray<Claim>) => {
          for (const each of claims) assert.isTrue(waiting.delete(each), "what leaves was waiting")
        }
        for (const each of steps) {
          if (each._tag === "add") {
            const added = claim(each.webhook)
            const origin = origins.get(added.webhookId) ?? `https://${each.origin}`
            origins.set(added.webhookId, origin)
            lanes.add(added, at(origin, 3))
            waiting.add(added)
          } else if (each._tag === "next") {
            const taken = lanes.next()
            if (taken === undefined) continue
            leave([taken])
            flying.push(taken)
            assert.isAtMost(flying.length, 12)
            assert.isAtMost(flying.filter(({ webhookId }) => webhookId === taken.webhookId).length, 3)
            const origin = origins.get(taken.webhookId)
            assert.isAtMost(flying.filter(({ webhookId }) => origins.get(webhookId) === origin).length, 6)
          } else if (each._tag === "done") {
            const [ended] = flying.splice(each.which % Math.max(flying.length, 1), 1)
            if (ended !== undefined) lanes.done(ended, each.millis)
          } else if (each._tag === "pass") clock.now += each.millis
          else if (each._tag === "withdraw")
            leave(lanes.withdraw(each.webhook === undefined ? undefined : webhook(each.webhook)))
          else leave(lanes.shed())
        }
        // Whatever is still waiting is served in the end.
        while (waiting.size > 0) {
          for (const each of flying.splice(0)) lanes.done(each, 5)
          const taken = pull()
          assert.isAbove(taken.length, 0, "nothing is stuck")
          leave(taken)
          flying.push(...taken)
        }
      }),
      { numRuns: 300 }
    )
  })
})
