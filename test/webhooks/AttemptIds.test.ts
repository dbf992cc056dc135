import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { AttemptId } from "../../src/domain/Ids.ts"
import { makeAttemptIds } from "../../src/webhooks/AttemptIds.ts"

const version7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe("the ids of attempts", () => {
  it.effect("are UUIDv7 of the moment, each another, over many draws of random bits", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0x0123_4567_89ab)
      const next = yield* makeAttemptIds
      const ids = yield* Effect.replicateEffect(next, 1000)
      assert.strictEqual(new Set(ids.map((id) => id.slice(14))).size, 1000)
      for (const id of ids) {
        assert.match(id, version7)
        assert.isTrue(Schema.is(AttemptId)(id))
        assert.isTrue(id.startsWith("01234567-89ab-7"))
      }
      assert.sameMembers([...new Set(ids.map((id) => id.charAt(19)))], ["8", "9", "a", "b"])
      yield* TestClock.adjust(1)
      assert.isTrue((yield* next).startsWith("01234567-89ac-7"))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
