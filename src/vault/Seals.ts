import { Effect, Layer } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { SealedRepo } from "./SealedRepo.ts"
import { Vault } from "./Vault.ts"

/**
 * Fails when the configured keys open none of the samples: then they are not the keys that this database was used with,
 * and every delivery and every sync would fail for a reason that is no receiver's and no provider's.
 */
export const checkSeals = Effect.gen(function* () {
  const repo = yield* SealedRepo
  const vault = yield* Vault
  const rows = yield* repo.samples
  const opened = yield* Effect.forEach(rows, ({ sealed, binding }) => Effect.isSuccess(vault.open(sealed, binding)))
  if (rows.length === 0 || opened.includes(true)) return
  const problem =
    "does not hold the key that this database's secrets are sealed with. Put that key back; a new one stands in front of it"
  return yield* new ConfigurationInvalid({ problems: [{ variable: "NEXUS_ENCRYPTION_KEYS", problem }] })
})

/** Refuses the start with keys that don't open what is there. */
export const SealsLayer = Layer.effectDiscard(
  checkSeals.pipe(
    Effect.catchTag("SqlError", (error) => Effect.logWarning(`The sealed secrets can't be looked at: ${error.message}`))
  )
)
