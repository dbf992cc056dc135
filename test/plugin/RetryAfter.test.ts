import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { retryAfter } from "../../src/plugin/Answers.ts"

const now = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
const asked = (header?: string) => retryAfter({ headers: header === undefined ? {} : { "retry-after": header } }, now)

describe("retryAfter", () => {
  it("reads seconds, also with a fraction, and times of day, past ones as at once", () => {
    assert.deepStrictEqual(asked("7"), { retryAfter: Duration.seconds(7) })
    assert.deepStrictEqual(asked(" 2.128 "), { retryAfter: Duration.seconds(2.128) })
    assert.deepStrictEqual(asked("Thu, 01 Jan 2026 00:01:30 GMT"), { retryAfter: Duration.seconds(90) })
    assert.deepStrictEqual(asked("Wed, 31 Dec 2025 23:59:00 GMT"), { retryAfter: Duration.zero })
  })

  it("takes nothing else for a wait", () => {
    for (const header of [undefined, "", " ", "-5", "soon", "1e3", "NaN", "Infinity"])
      assert.deepStrictEqual(asked(header), {})
  })
})
