import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeRefreshBudget } from "../../src/oauth/RefreshBudget.ts"
import { builtIns } from "../support/BuiltIn.ts"

/** What counts refreshes of a provider, as the service does. */
const budgetOf = Effect.fnUntraced(function* (id: string) {
  const provider = (yield* builtIns).get(id)
  assert.isDefined(provider)
  const { oauth } = provider
  assert.isDefined(oauth)
  const spend = yield* makeRefreshBudget
  return (connection: string) => spend({ ...provider, oauth }, connection)
})

describe("The budget of refreshes", () => {
  it.effect("is what the provider gives in any window, for each connection", () =>
    Effect.gen(function* () {
      const spend = yield* budgetOf("ZOHO")
      for (let n = 0; n < 10; n++) {
        yield* spend("one")
        yield* TestClock.adjust("30 seconds")
      }
      const { reason } = yield* Effect.flip(spend("one"))
      assert.strictEqual(reason._tag, "RateLimited")
      const until = reason._tag === "RateLimited" ? reason.until : null
      assert.strictEqual(until === null ? null : DateTime.toEpochMillis(until), 600_000)
      yield* spend("another")
      yield* TestClock.adjust("299 seconds")
      yield* Effect.flip(spend("one"))
      // The first is ten minutes ago: there is one, and the next in half a minute.
      yield* TestClock.adjust("1 second")
      yield* spend("one")
      yield* Effect.flip(spend("one"))
      yield* TestClock.adjust("30 seconds")
      yield* spend("one")
    })
  )

  it.effect("is no matter where the provider has none", () =>
    Effect.gen(function* () {
      const spend = yield* budgetOf("HUBSPOT")
      yield* Effect.repeat(spend("one"), { times: 100 })
    })
  )
})
