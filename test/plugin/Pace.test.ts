import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import { makePace } from "../../src/plugin/Pace.ts"

const throttled = () => undefined

describe("Pace", () => {
  it.effect("begins no more requests in a window than the provider takes", () =>
    Effect.gen(function* () {
      const { paced } = yield* makePace({
        concurrency: 10,
        requests: { limit: 3, window: "10 seconds" },
        throttled
      })
      const begun = yield* Queue.unbounded<number>()
      const request = Effect.flatMap(Clock.currentTimeMillis, (now) => Queue.offer(begun, now))
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 7 }), () => paced(request), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(all)
      const times = yield* Queue.takeAll(begun)
      assert.deepStrictEqual(Array.from(times), [0, 0, 0, 10_000, 10_000, 10_000, 20_000])
    })
  )

  it.effect("has no more requests in flight than it may", () =>
    Effect.gen(function* () {
      const { paced } = yield* makePace({ concurrency: 2, throttled })
      let inFlight = 0
      let most = 0
      const request = Effect.gen(function* () {
        most = Math.max(most, ++inFlight)
        yield* Effect.sleep("1 second")
        inFlight--
      })
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 6 }), () => paced(request), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(all)
      assert.strictEqual(most, 2)
    })
  )

  it.effect("holds back everybody while the provider asks for patience", () =>
    Effect.gen(function* () {
      const { paced, pause } = yield* makePace({ concurrency: 2, throttled })
      const paused = yield* Effect.forkChild(pause(Duration.minutes(1)), { startImmediately: true })
      const other = yield* Effect.forkChild(paced(Clock.currentTimeMillis))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(paused)
      assert.strictEqual(yield* Fiber.join(other), 60_000)
    })
  )
})
