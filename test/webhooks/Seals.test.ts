import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Keyring } from "../../src/vault/Keyring.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { checkSeals } from "../../src/webhooks/Seals.ts"
import { DispatchingLayer, subscribe } from "../support/Dispatching.ts"

/** A second vault, with another key than the one that the webhooks were made with. */
const OtherVault = Layer.fresh(Vault.layer).pipe(Layer.provide(Keyring.layerMemory))

layer(DispatchingLayer, { excludeTestServices: true })("checkSeals", (it) => {
  it.effect("passes where there is nothing to open", () => checkSeals.pipe(Effect.provide(OtherVault)))

  it.effect("passes with the keys that the webhooks were made with, and refuses others with what to do", () =>
    Effect.gen(function* () {
      yield* subscribe("sealed", "https://example.com/hook")
      yield* checkSeals
      const error = yield* checkSeals.pipe(Effect.provide(OtherVault), Effect.flip)
      assert.strictEqual(error._tag, "ConfigurationInvalid")
      assert.match(error.message, /^NEXUS_ENCRYPTION_KEYS does not hold the key .* Put that key back/)
    })
  )
})
