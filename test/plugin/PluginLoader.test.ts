import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { LoadedPlugins } from "../../src/plugin/PluginLoader.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus } from "../support/NexusProcess.ts"

const modules = "./test/plugin/fixtures/modules"

/** The ids of what `NEXUS_PLUGINS` brings. */
const loaded = (names: string) =>
  Effect.gen(function* () {
    const { all } = yield* PluginRegistry
    return (yield* all).map(({ id }) => String(id))
  }).pipe(
    Effect.provide(
      LoadedPlugins.pipe(
        Layer.provideMerge(Layer.fresh(PluginRegistry.layer)),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NEXUS_PLUGINS: names })))
      )
    )
  )

const refusals: ReadonlyArray<readonly [string, string, string]> = [
  [
    "the later one of two that claim an id",
    `${modules}/Claim.ts,${modules}/SecondClaim.ts`,
    `The plugin ${modules}/SecondClaim.ts can't be used: another plugin has the id ACME already`
  ],
  [
    "one that was written for another contract",
    `${modules}/OtherContract.ts`,
    `The plugin ${modules}/OtherContract.ts can't be used: it was written for version 2 of the plugin contract, and this is version 1`
  ],
  [
    "one whose module throws, with the first line of what it says",
    `${modules}/Throws.ts`,
    `The plugin ${modules}/Throws.ts can't be used: it can't be loaded: acme.json is missing`
  ],
  [
    "one that exports no layer",
    `${modules}/Nothing.ts`,
    `The plugin ${modules}/Nothing.ts can't be used: it exports no plugin. The module has to export what plugin({ … }) returns, as its default or its only layer`
  ],
  [
    "one whose layer registers nothing",
    `${modules}/Silent.ts`,
    `The plugin ${modules}/Silent.ts can't be used: its layer registers no provider`
  ],
  ["one whose layer dies", `${modules}/Dies.ts`, `The plugin ${modules}/Dies.ts can't be used: the licence has run out`]
]

describe("LoadedPlugins", () => {
  it.effect("loads a plugin by its path, and nothing when nothing is named", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* loaded(`${modules}/Claim.ts`), ["ACME"])
      assert.deepStrictEqual(yield* loaded(" , "), [])
    })
  )

  for (const [what, names, message] of refusals) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(loaded(names))).message, message)
      })
    )
  }

  it.effect("refuses a path and a package that are not there, by name", () =>
    Effect.gen(function* () {
      for (const name of ["./test/plugin/nowhere.ts", "nexus-plugin-that-nobody-wrote"]) {
        const { message } = yield* Effect.flip(loaded(name))
        assert.include(message, `The plugin ${name} can't be used: it can't be loaded: `)
        assert.match(message, /\. Paths begin with .*installed package$/)
        assert.notInclude(message, "PluginModule")
      }
    })
  )
})

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))
layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus serve", (it) => {
  for (const [, names, message] of refusals.slice(0, 3)) {
    it.effect(`stops with: ${message}`, () =>
      Effect.gen(function* () {
        const { code, out, err } = yield* runNexus(["serve"], { ...(yield* production), NEXUS_PLUGINS: names })
        assert.deepStrictEqual([code, out, err], [1, "", `NEXUS_PLUGINS is wrong. ${message}\n`])
      })
    )
  }
})
