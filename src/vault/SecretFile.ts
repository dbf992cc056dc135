/**
 * Keeps a secret that the service made for itself in a file: what development uses where production has a variable.
 */
import { randomUUID } from "node:crypto"
import { Effect, FileSystem, Path, Redacted, Schema } from "effect"

/** The file can't be read or made. */
export class SecretFileUnusable extends Schema.TaggedError<SecretFileUnusable>()("SecretFileUnusable", {
  path: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The secret file ${this.path} can't be used: ${this.problem}`
  }
}

/**
 * Reads the secret in the file at `path`; when there is none, makes one with `make` and keeps it.
 *
 * The file has mode 0600, a folder made for it 0700. However many processes ask at once, all get the same secret, and
 * none ever sees half of one: the text is written and synced under another name and then linked into place, which
 * exactly one of them can do. A process killed in between leaves at most a stray `.tmp` file.
 */
export const secretFile = Effect.fn("secretFile")(
  function* (path: string, make: Effect.Effect<Redacted.Redacted<string>>) {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path

    const read = fs.readFileString(path).pipe(Effect.map((text) => text.trim()))
    const create = Effect.scoped(
      Effect.gen(function* () {
        yield* fs.makeDirectory(paths.dirname(path), { recursive: true, mode: 0o700 })
        const temporary = `${path}.${randomUUID()}.tmp`
        yield* Effect.addFinalizer(() => fs.remove(temporary, { force: true }).pipe(Effect.ignore))
        const file = yield* fs.open(temporary, { flag: "wx", mode: 0o600 })
        yield* file.writeAll(new TextEncoder().encode(`${Redacted.value(yield* make)}\n`))
        yield* file.sync
        // Another process was first: its secret counts, ours was never used.
        yield* fs.link(temporary, path).pipe(Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void))
      })
    )
    const text = yield* read.pipe(Effect.catchReason("PlatformError", "NotFound", () => Effect.andThen(create, read)))
    if (text === "") {
      return yield* new SecretFileUnusable({ path, problem: "it is empty; delete it to have a new one made" })
    }
    return Redacted.make(text)
  },
  (effect, path) =>
    Effect.catchTag(effect, "PlatformError", (error) => new SecretFileUnusable({ path, problem: error.message }))
)
