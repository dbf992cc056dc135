/** Each check of the conformance suite fails for a plugin with just the fault that it looks for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { plugin } from "nexus-integrations/plugin"
import { conformance } from "nexus-integrations/plugin/testing"
import { type AcmeDefinition, acme } from "../fixtures/Acme.ts"
import { AcmeEmulator } from "../fixtures/AcmeEmulator.ts"
import { acmeImports } from "../fixtures/AcmeImports.ts"
import { contactPlants } from "../fixtures/ContactPlants.ts"
import { depotPlants } from "../fixtures/DepotPlants.ts"
import { failures } from "../fixtures/Failures.ts"
import { plants } from "../fixtures/Plants.ts"

const checks = (definition: AcmeDefinition) => conformance(plugin(definition), AcmeEmulator)

describe("conformance", () => {
  for (const [what, definition] of [
    ["a plugin without faults", acme],
    ["one whose provider works in the background", acmeImports]
  ] as const) {
    it.live(`passes ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* failures(checks(definition)), [])
      })
    )
  }

  it("has a fault for each of its checks", () => {
    const found = new Set([...plants, ...contactPlants, ...depotPlants].flatMap(({ fails }) => fails))
    assert.deepStrictEqual(
      checks(acme)
        .map(({ name }) => name)
        .filter((name) => !found.has(name)),
      []
    )
  })

  for (const { fault, planted, fails } of [...plants, ...contactPlants]) {
    it.live(`finds a plugin ${fault}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* failures(checks(planted)), fails)
      })
    )
  }
})
