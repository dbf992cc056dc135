import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Keyring } from "../../src/vault/Keyring.ts"
import { SealedRepo } from "../../src/vault/SealedRepo.ts"
import { checkSeals } from "../../src/vault/Seals.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { DispatchingLayer, subscribe } from "../support/Dispatching.ts"

/** A second vault, with another key than the one that the webhooks were made with. */
const OtherVault = Layer.fresh(Vault.layer).pipe(Layer.provide(Keyring.layerMemory))

layer(SealedRepo.layer.pipe(Layer.provideMerge(DispatchingLayer)), { excludeTestServices: true })(
  "checkSeals",
  (it) => {
    it.effect("passes where there is nothing to open", () => checkSeals.pipe(Effect.provide(OtherVault)))

    it.effect("passes with the keys that the webhooks were made with, and refuses others with what to do", () =>
      Effect.gen(function* () {
        yield* subscribe("sealed", "https://example.com/hook")
        yield* checkSeals
        const error = yield* checkSeals.pipe(Effect.provide(OtherVault), Effect.flip)
        assert.strictEqual(error._tag, "ConfigurationInvalid")
        const sql = yield* PgClient.PgClient
        yield* sql`INSERT INTO nexus.integration (user_id, provider, credentials) VALUES ('sealed', 'ACME', 'nx1.gone.AAAA')`
        yield* checkSeals
        assert.match(error.message, /^NEXUS_ENCRYPTION_KEYS does not hold the key .* Put that key back/)
      })
    )
  }
)
