import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mostAttempts, retryDelays } from "../../src/webhooks/RetrySchedule.ts"

describe("RetrySchedule", () => {
  it.effect("waits 2, 4, 8 and 16 seconds, as the documentation says, and goes on by doubling", () =>
    Effect.gen(function* () {
      const delays = yield* retryDelays
      assert.deepStrictEqual(
        delays,
        Array.from({ length: 15 }, (_, index) => 2000 * 2 ** index)
      )
    })
  )

  it.effect("has the longest policy end within 24 hours, and no longer one would", () =>
    Effect.gen(function* () {
      const delays = yield* retryDelays
      const total = delays.reduce((sum, delay) => sum + delay, 0)
      assert.strictEqual(delays.length, mostAttempts - 1)
      assert.isAtMost(total, 24 * 3_600_000)
      assert.isAbove(total + 2 * (delays.at(-1) ?? 0), 24 * 3_600_000)
    })
  )
})
