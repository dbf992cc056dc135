/** The checks of OAuth and of files fail for a plugin with just the fault that they look for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { plugin } from "nexus-integrations/plugin"
import { conformance } from "nexus-integrations/plugin/testing"
import { LargeFile } from "../../../src/plugin/testing/FileTrial.ts"
import { depot } from "../fixtures/Depot.ts"
import type { DepotDefinition } from "../fixtures/DepotClient.ts"
import { DepotEmulator } from "../fixtures/DepotEmulator.ts"
import { depotPlants } from "../fixtures/DepotPlants.ts"
import { chunkSize } from "../fixtures/DepotPut.ts"
import { failures } from "../fixtures/Failures.ts"

const found = (definition: DepotDefinition) =>
  failures(conformance(plugin(definition), DepotEmulator)).pipe(
    Effect.provideService(LargeFile, 2 * chunkSize + chunkSize / 2)
  )

describe("conformance of OAuth and files", () => {
  it.live("passes a plugin without faults", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found(depot), [])
    })
  )

  for (const { fault, planted, fails } of depotPlants) {
    it.live(`finds a plugin ${fault}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* found(planted), fails)
      })
    )
  }
})
