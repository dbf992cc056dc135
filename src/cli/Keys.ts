import { Console, Effect, Redacted } from "effect"
import { Command } from "effect/cli"
import { generateKey } from "../vault/Keyring.ts"

const generate = Command.make("generate", {}, () =>
  Effect.flatMap(generateKey(), (key) => Console.log(Redacted.value(key)))
).pipe(Command.withDescription("Print a new key for NEXUS_ENCRYPTION_KEYS"))

/** `nexus keys`. */
export const keys = Command.make("keys").pipe(
  Command.withDescription("The keys that seal secrets"),
  Command.withSubcommands([generate])
)
