import { Config, Console, Effect, Redacted } from "effect"
import { Command } from "effect/cli"
import { generateKey } from "../vault/Keyring.ts"

/** The names in use, so that a new key can stand in front of the present ones. */
const taken = Config.Redacted("NEXUS_ENCRYPTION_KEYS").pipe(
  Config.map((keys) =>
    Redacted.value(keys)
      .split(",")
      .map((key) => key.trim().split(":")[0] ?? "")
  ),
  Config.withDefault([])
)

const generate = Command.make("generate", {}, () =>
  Effect.gen(function* () {
    yield* Console.log(Redacted.value(yield* generateKey(yield* taken)))
  })
).pipe(
  Command.withDescription(
    "Print a new key for NEXUS_ENCRYPTION_KEYS; its name differs from those that the variable holds already"
  )
)

/** `nexus keys`. */
export const keys = Command.make("keys").pipe(
  Command.withDescription("The keys that seal secrets"),
  Command.withSubcommands([generate])
)
