import { Config, Console, Effect, type Layer, Redacted, Schema } from "effect"
import { Command } from "effect/cli"
import { generateKey } from "../vault/Keyring.ts"
import { Rotation } from "../vault/Rotation.ts"

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

/** Something stays sealed with a key that is to go. */
class NotAllRotated extends Schema.TaggedError<NotAllRotated>()("NotAllRotated", {
  places: Schema.Array(Schema.String)
}) {
  override get message() {
    const shown = this.places.slice(0, 20).join(", ")
    const more = this.places.length > 20 ? ` and ${this.places.length - 20} more` : ""
    return `These can't be opened with any of the keys, and stay as they are: ${shown}${more}. Keep the old keys, or let their users set them anew`
  }
}

const rotate = Command.make("rotate", {}, () =>
  Effect.gen(function* () {
    const rotation = yield* Rotation
    const { resealed, broken } = yield* rotation.rotate((done) => Console.error(`${done} sealed anew`))
    yield* Console.log(`${resealed} secrets are sealed with the first key now.`)
    if (broken.length > 0) return yield* new NotAllRotated({ places: broken })
    yield* Console.log(
      "When every running process has the new key first, and this command finds nothing any more, the older keys can go."
    )
  })
).pipe(
  Command.withDescription(
    "Seal all secrets with the first key of NEXUS_ENCRYPTION_KEYS, while the service goes on running"
  )
)

/**
 * `nexus keys`.
 *
 * @param rotating what `rotate` runs on; `generate` needs nothing
 */
export const keys = <E, R>(rotating: Layer.Layer<Rotation, E, R>) =>
  Command.make("keys").pipe(
    Command.withDescription("The keys that seal secrets"),
    Command.withSubcommands([generate, rotate.pipe(Command.provide(rotating))])
  )
