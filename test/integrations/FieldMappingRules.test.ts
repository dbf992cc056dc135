import { assert, describe, it } from "@effect/vitest"
import { mappingFaults } from "../../src/integrations/FieldMappingRules.ts"
import { providerOf } from "../../src/plugin/Plugin.ts"
import { acme } from "../plugin/fixtures/Acme.ts"

const provider = providerOf(acme)
const fields = ["email", "first_name", "last_name"].map(
  (name) => ({ name, label: name, type: "text", required: false }) as const
)
const faults = (fieldMapping: Readonly<Record<string, string>>) =>
  mappingFaults(provider, { fieldMapping }, fields).map(({ path }) => path)

describe("mappingFaults", () => {
  it("refuses fields that aren't there, an email that moves, and two values for one field", () => {
    assert.deepStrictEqual(faults({ firstName: "first_name", lastName: "last_name" }), [])
    assert.deepStrictEqual(faults({ firstName: "fist_name" }), ["settings.fieldMapping.firstName"])
    assert.deepStrictEqual(faults({ email: "first_name" }), ["settings.fieldMapping.email"])
    assert.deepStrictEqual(faults({ firstName: "first_name", company: "first_name" }), [
      "settings.fieldMapping.company"
    ])
  })
})
