import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { perConnection, unavailable } from "nexus-integrations/plugin"

describe("perConnection", () => {
  it.effect("loads once for each connection", () =>
    Effect.gen(function* () {
      let loads = 0
      const load = perConnection((connection: { readonly name: string }) =>
        Effect.sync(() => `${connection.name} ${++loads}`)
      )
      const [one, two] = [{ name: "one" }, { name: "two" }]
      assert.deepStrictEqual(yield* Effect.forEach([one, one, two, one], load), ["one 1", "one 1", "two 2", "one 1"])
    })
  )

  it.effect("remembers no failure", () =>
    Effect.gen(function* () {
      let isUp = false
      const load = perConnection((_: object) =>
        Effect.suspend(() => (isUp ? Effect.succeed("up") : Effect.fail(unavailable("down"))))
      )
      const connection = {}
      assert.strictEqual((yield* Effect.flip(load(connection))).detail, "down")
      isUp = true
      assert.strictEqual(yield* load(connection), "up")
    })
  )
})
