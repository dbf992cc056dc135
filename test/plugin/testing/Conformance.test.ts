/** Each check of the conformance suite fails for a plugin with just the fault that it looks for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { plugin } from "nexus-integrations/plugin"
import { CheckFailed, conformance } from "nexus-integrations/plugin/testing"
import { type AcmeDefinition, acme } from "../fixtures/Acme.ts"
import { AcmeEmulator } from "../fixtures/AcmeEmulator.ts"
import { acmeImports } from "../fixtures/AcmeImports.ts"
import { plants } from "../fixtures/Plants.ts"

describe("conformance", () => {
  for (const [what, definition] of [
    ["a plugin without faults", acme],
    ["one whose provider works in the background", acmeImports]
  ] as const) {
    it.live(`passes ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* failures(definition), [])
      })
    )
  }

  it("has a fault for each of its checks", () => {
    const names = conformance(plugin(acme), AcmeEmulator).map(({ name }) => name)
    const found = new Set(plants.flatMap(({ fails }) => fails))
    assert.deepStrictEqual(
      names.filter((name) => !found.has(name)),
      []
    )
  })

  for (const { fault, planted, fails } of plants) {
    it.live(`finds a plugin ${fault}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* failures(planted), fails)
      })
    )
  }
})

/** The names of the checks that fail. */
function failures(definition: AcmeDefinition) {
  return Effect.map(
    Effect.forEach(conformance(plugin(definition), AcmeEmulator), ({ name, run }) =>
      Effect.map(Effect.result(run), (result) => {
        if (Result.isSuccess(result)) return []
        assert.instanceOf(result.failure, CheckFailed)
        return [name]
      })
    ),
    (names) => names.flat()
  )
}
