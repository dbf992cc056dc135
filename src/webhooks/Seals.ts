import { Effect, Layer } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { Vault } from "../vault/Vault.ts"
import { RecipientRepo } from "./RecipientRepo.ts"
import { webhookSecret } from "./Recipients.ts"

/**
 * Fails when the configured keys open neither the oldest nor the newest webhook's secret: then they are not the keys
 * that this database was used with, and every delivery would fail for a reason that is no receiver's.
 */
export const checkSeals = Effect.gen(function* () {
  const repo = yield* RecipientRepo
  const vault = yield* Vault
  const rows = yield* repo.ends
  const opened = yield* Effect.forEach(rows, (row) =>
    Effect.isSuccess(vault.open(row.secret, webhookSecret(row, "secret")))
  )
  if (rows.length === 0 || opened.includes(true)) return
  const problem =
    "does not hold the key that this database's webhook secrets are sealed with. Put that key back; a new one stands in front of it"
  return yield* new ConfigurationInvalid({ problems: [{ variable: "NEXUS_ENCRYPTION_KEYS", problem }] })
})

/** Refuses the start with keys that don't open what is there. */
export const SealsLayer = Layer.effectDiscard(
  checkSeals.pipe(
    Effect.catchTag("SqlError", (error) =>
      Effect.logWarning(`The webhook secrets can't be looked at: ${error.message}`)
    )
  )
)
