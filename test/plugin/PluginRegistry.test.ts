import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { providerOf } from "../../src/plugin/Plugin.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { acme } from "./fixtures/Acme.ts"
import { depot, oauth } from "./fixtures/Depot.ts"

const provider = providerOf(acme)

const withRegistry = <A, E>(test: Effect.Effect<A, E, PluginRegistry>) =>
  Effect.provide(test, Layer.fresh(PluginRegistry.layer))

const refusal = (changed: object) =>
  withRegistry(
    Effect.gen(function* () {
      const registry = yield* PluginRegistry
      return (yield* Effect.flip(registry.register({ ...provider, ...changed }))).reason
    })
  )

layer(Layer.empty)("PluginRegistry", (it) => {
  it.effect("finds a provider in any spelling that a URL may have", () =>
    withRegistry(
      Effect.gen(function* () {
        const registry = yield* PluginRegistry
        const { id } = providerOf({ ...acme, id: "ACME_CRM" })
        yield* registry.register({ ...provider, id })
        for (const spelling of ["ACME_CRM", "acme_crm", "acme-crm", "Acme-CRM"]) {
          assert.strictEqual((yield* registry.get(spelling)).id, id)
        }
        const unknown = yield* Effect.flip(registry.get("ACMECRM"))
        assert.strictEqual(unknown.message, "There is no provider ACMECRM. There are: ACME_CRM")
      })
    )
  )

  it.effect("lists providers by id, and refuses a second claim", () =>
    withRegistry(
      Effect.gen(function* () {
        const registry = yield* PluginRegistry
        for (const id of ["ZED", "ACME"]) yield* registry.register({ ...provider, id: providerOf({ ...acme, id }).id })
        assert.deepStrictEqual(
          (yield* registry.all).map(({ id }) => String(id)),
          ["ACME", "ZED"]
        )
        const { message } = yield* Effect.flip(registry.register(provider))
        assert.strictEqual(message, "The plugin ACME can't be used: another plugin has the id ACME already")
      })
    )
  )

  it.effect("refuses a second claim of an OAuth slug, which is in the paths of callbacks", () =>
    withRegistry(
      Effect.gen(function* () {
        const registry = yield* PluginRegistry
        yield* registry.register(providerOf(depot))
        const { message } = yield* Effect.flip(registry.register(providerOf({ ...depot, id: "DEPOT_TWO" })))
        assert.strictEqual(
          message,
          "The plugin DEPOT_TWO can't be used: another plugin has the OAuth slug depot already"
        )
        yield* registry.register(providerOf({ ...depot, id: "DEPOT_TWO", oauth: { ...oauth, slug: "depot-two" } }))
      })
    )
  )

  it.effect("refuses OAuth that no user could be connected with", () =>
    Effect.gen(function* () {
      assert.include(yield* refusal({ oauth }), "its credentials lack the fields of tokenFields(…)")
      for (const slug of ["Depot", "d", "", "depot/two", "2depot", "d".repeat(33)]) {
        const { oauth: changed, credentials } = providerOf({ ...depot, oauth: { ...oauth, slug } })
        assert.include(yield* refusal({ oauth: changed, credentials }), "its OAuth slug is not lower case")
      }
    })
  )

  it.effect("refuses a declaration that can't work, in words", () =>
    Effect.gen(function* () {
      assert.include(yield* refusal({ contract: 2 }), "version 2 of the plugin contract, and this is version 1")
      for (const id of ["acme", "AC ME", "ÄCME", ""]) {
        assert.include(yield* refusal({ id: providerOf({ ...acme, id }).id }), "its id is not upper case letters")
      }
      for (const host of [
        "http://api.acme.example",
        "https://*",
        "https://*.com/x",
        "https://a.b:8080",
        "https://a.*.b"
      ]) {
        assert.include(yield* refusal({ hosts: { api: host } }), `its host "${host}" is not of the form`)
      }
      assert.include(yield* refusal({ limits: { ...acme.limits, concurrency: 0 } }), "no request at all")
      assert.include(yield* refusal({ contacts: { batchSize: 0, mapping: {} } }), "batch size is below 1")
    })
  )
})
