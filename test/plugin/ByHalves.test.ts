import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { byHalves, Outcome, rejected, unavailable } from "nexus-integrations/plugin"

/** A provider that refuses every call that has one of the bad numbers in it. */
const provider = (bad: ReadonlySet<number>) => {
  let calls = 0
  const send = (inputs: ReadonlyArray<number>) =>
    Effect.suspend(() => {
      calls++
      const culprit = inputs.find((input) => bad.has(input))
      return culprit === undefined
        ? Effect.succeed(inputs.map((input) => Outcome.Created({ externalId: `${input}` })))
        : Effect.fail(rejected(`${culprit} is bad`, "number"))
    })
  return { send, calls: () => calls }
}

describe("byHalves", () => {
  it("rejects exactly the culprits, in the order of the inputs", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(), { maxLength: 40 }),
        fc.array(fc.nat(39), { maxLength: 5 }),
        async (all, picks) => {
          const bad = new Set(picks.flatMap((pick) => all[pick] ?? []))
          assert.deepStrictEqual(
            await Effect.runPromise(byHalves(all, provider(bad).send)),
            all.map((input) =>
              bad.has(input)
                ? Outcome.Rejected({ reason: `${input} is bad`, field: "number", retryable: false })
                : Outcome.Created({ externalId: `${input}` })
            )
          )
        }
      )
    ))

  it.effect("takes few calls for one culprit, and none for nothing", () =>
    Effect.gen(function* () {
      const { send, calls } = provider(new Set([37]))
      yield* byHalves(
        Array.from({ length: 100 }, (_, index) => index),
        send
      )
      assert.isAtMost(calls(), 1 + 2 * 7)
      const idle = provider(new Set())
      assert.deepStrictEqual(yield* byHalves([], idle.send), [])
      assert.strictEqual(idle.calls(), 0)
    })
  )

  it.effect("lets other errors through at once", () =>
    Effect.gen(function* () {
      let calls = 0
      const error = yield* Effect.flip(
        byHalves([1, 2, 3], () => {
          calls++
          return unavailable("Out of order")
        })
      )
      assert.deepStrictEqual([error.reason._tag, calls], ["Unavailable", 1])
    })
  )
})
