import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus } from "../support/NexusProcess.ts"

const Test = TestDatabase.layerEmpty.pipe(Layer.provideMerge(NodeServices.layer))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus migrate", (it) => {
  it.effect("brings an empty database up to date, once, and says with what", () =>
    Effect.gen(function* () {
      const { DATABASE_URL } = yield* production
      const first = yield* runNexus(["migrate"], { DATABASE_URL })
      assert.deepStrictEqual([first.code, first.err], [0, ""])
      assert.match(first.out, /^Applied \d+ migrations:\n {2}0001_schema\n {2}0002_webhooks\n/)
      const second = yield* runNexus(["migrate"], { DATABASE_URL })
      assert.deepStrictEqual([second.code, second.out], [0, "The database is up to date.\n"])
    })
  )
})
