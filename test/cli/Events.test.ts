import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus } from "../support/NexusProcess.ts"
import { takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus events send", (it) => {
  it.effect("puts an event into the outbox as it was typed, and prints its id", () =>
    Effect.gen(function* () {
      const data = '{"z": 1.0, "cardId":"card-1"}'
      const args = ["events", "send", "CARD_VIEW", data, "--user", "user-1"]
      const { code, out, err } = yield* runNexus(args, yield* production)
      assert.deepStrictEqual([code, err], [0, ""])
      assert.deepStrictEqual(yield* takeOutbox, [
        { id: out.trim(), userId: "user-1", eventType: "CARD_VIEW", payload: data }
      ])
    })
  )

  it.effect("sends the type's example where no data is given", () =>
    Effect.gen(function* () {
      yield* runNexus(["events", "send", "LINK_CLICK", "--user", "user-1"], yield* production)
      const [row] = yield* takeOutbox
      assert.hasAllKeys(JSON.parse(row?.payload ?? "null"), ["cardId", "linkType", "linkValue"])
    })
  )

  it.effect("refuses what could only become a dead letter, each in a sentence", () =>
    Effect.gen(function* () {
      const environment = yield* production
      const refused = (...args: ReadonlyArray<string>) =>
        Effect.map(runNexus(["events", "send", ...args, "--user", "user-1"], environment), ({ code, out, err }) => {
          assert.strictEqual(code, 1)
          assert.notMatch(err, /\n\s+at /)
          return out + err
        })
      assert.match(yield* refused("CARD_VEIW", "{}"), /The event type "CARD_VEIW" is unknown/)
      assert.match(yield* refused("CARD_VIEW", "[]"), /it must be an object/)
      assert.match(yield* refused("CARD_VIEW", "{a}"), /Expected JSON, quoted for the shell/)
      assert.deepStrictEqual(yield* takeOutbox, [])
    })
  )
})
