import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { IntegrationId } from "../../src/domain/Ids.ts"
import { Memories } from "../../src/plugin/Memory.ts"
import { unavailable } from "../../src/plugin/ProviderError.ts"

const own = IntegrationId.make("00000000-0000-7000-8000-000000000001")
const other = IntegrationId.make("00000000-0000-7000-8000-000000000002")

describe("Memories of a process", () => {
  const memories = Effect.provide(Memories, Memories.layerProcess)

  it.effect("make a text once, for each key of each integration", () =>
    Effect.gen(function* () {
      const { of } = yield* memories
      let made = 0
      const make = Effect.sync(() => `text ${++made}`)
      assert.strictEqual(yield* of(own).once("folder", make), "text 1")
      assert.strictEqual(yield* of(own).once("folder", make), "text 1")
      assert.strictEqual(yield* of(own).once("list", make), "text 2")
      assert.strictEqual(yield* of(other).once("folder", make), "text 3")
    })
  )

  it.effect("give all that make one at the same moment the first", () =>
    Effect.gen(function* () {
      const { once } = (yield* memories).of(own)
      const late = yield* Deferred.make<string>()
      const both = yield* Effect.all(
        [
          once("folder", Deferred.await(late)),
          Effect.tap(once("folder", Effect.succeed("first")), () => Deferred.succeed(late, "second"))
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(both, ["first", "first"])
    })
  )

  it.effect("remember no failure", () =>
    Effect.gen(function* () {
      const { once } = (yield* memories).of(own)
      assert.strictEqual((yield* Effect.flip(once("folder", unavailable("down")))).detail, "down")
      assert.strictEqual(yield* once("folder", Effect.succeed("text")), "text")
    })
  )

  it.effect("forget a text, unless it is another one by now", () =>
    Effect.gen(function* () {
      const { once, forget } = (yield* memories).of(own)
      yield* once("folder", Effect.succeed("first"))
      yield* forget("folder", "another")
      assert.strictEqual(yield* once("folder", Effect.succeed("second")), "first")
      yield* forget("folder", "first")
      assert.strictEqual(yield* once("folder", Effect.succeed("second")), "second")
      yield* forget("nothing", "first")
    })
  )
})
