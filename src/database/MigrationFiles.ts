import { Crypto, Effect, FileSystem, Path, Result, Schema } from "effect"
import { Hex } from "effect/encoding"
import { type SqlStatement, splitStatements } from "./SqlStatements.ts"

/** The migrations can't be read or applied; the message names the file and says what to do. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** One file of `sql/`: `0001_outbox.sql` has the id 1 and the name `outbox`. */
export interface MigrationFile {
  readonly file: string
  readonly id: number
  readonly name: string
  /** SHA-256 of the text, in hex, with line ends as LF. */
  readonly checksum: string
  readonly statements: ReadonlyArray<SqlStatement>
}

const fileName = /^(\d{4})_([a-z0-9_]+)\.sql$/

/** `sql/` of this package, whether it runs from its sources or compiled into `dist/`. */
export const sqlDirectory = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const here = yield* path.fromFileUrl(new URL(".", import.meta.url))
  const inSources = path.join(here, "../../sql")
  return (yield* fs.exists(inSources)) ? inSources : path.join(here, "../../../sql")
}).pipe(Effect.orDie)

const readFile = Effect.fnUntraced(function* (directory: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const crypto = yield* Crypto.Crypto
  const [, id = "", name = ""] = fileName.exec(file) ?? []
  if (id === "") {
    return yield* new MigrationFailed({ message: `${file} is no migration's name; it should be like 0001_outbox.sql` })
  }
  const text = (yield* fs.readFileString(path.join(directory, file))).replaceAll("\r\n", "\n")
  const statements = splitStatements(text)
  if (Result.isFailure(statements)) {
    const { line, token } = statements.failure
    return yield* new MigrationFailed({ message: `${file}:${line}: what begins with ${token} is never closed` })
  }
  const checksum = Hex.encode(yield* crypto.digest("SHA-256", new TextEncoder().encode(text)))
  const migration: MigrationFile = { file, id: Number(id), name, checksum, statements: statements.success }
  return migration
})

/** Reads a directory's migrations, in order. Their numbers must be 1, 2, 3, … without gap or double. */
export const readMigrationFiles = Effect.fn("MigrationFiles.read")(
  function* (directory: string) {
    const fs = yield* FileSystem.FileSystem
    const names = (yield* fs.readDirectory(directory)).filter((name) => name.endsWith(".sql")).sort()
    const files = yield* Effect.forEach(names, (name) => readFile(directory, name))
    for (const [index, { file, id }] of files.entries()) {
      const previous = files[index - 1]
      if (previous?.id === id) {
        return yield* new MigrationFailed({
          message: `${previous.file} and ${file} have the same number; renumber one`
        })
      }
      if (id !== index + 1) {
        return yield* new MigrationFailed({
          message: `${String(index + 1).padStart(4, "0")}_….sql is missing: ${file} comes after ${previous?.file ?? "nothing"}`
        })
      }
    }
    return files
  },
  Effect.catchTag(
    "PlatformError",
    (cause) => new MigrationFailed({ message: `The migrations can't be read: ${cause.message}`, cause })
  )
)
