/**
 * A real Chromium. On Linux with x64 it comes with the package `@sparticuz/chromium` and needs nothing else on the
 * machine; elsewhere it is the Chrome that is installed. `CHROME_PATH` is the way to any other.
 */
import * as process from "node:process"
import { Config, Context, Effect, FileSystem, Layer, Option, Path, Schema, type Scope } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { type BrowserContext, chromium, type LaunchOptions } from "playwright-core"

/** There is no browser, or it does not start. */
export class ChromiumMissing extends Schema.TaggedError<ChromiumMissing>()("ChromiumMissing", {
  cause: Schema.Defect()
}) {
  override get message() {
    return `No Chromium starts (${this.cause}). Install Google Chrome, or set CHROME_PATH to the program of a Chromium`
  }
}

export class Chromium extends Context.Service<
  Chromium,
  {
    /** A browser as one person has it: with cookies and a history of its own, until the scope closes. */
    readonly open: Effect.Effect<BrowserContext, never, Scope.Scope>
  }
>()("nexus/test/Chromium") {
  static readonly layer = Layer.effect(
    Chromium,
    Effect.gen(function* () {
      const options = yield* program
      const browser = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () => chromium.launch({ ...options, timeout: 30_000 }),
          catch: (cause) => new ChromiumMissing({ cause })
        }),
        (started) => Effect.promise(() => started.close())
      )
      return Chromium.of({
        open: Effect.acquireRelease(
          Effect.promise(async () => {
            const context = await browser.newContext()
            context.setDefaultTimeout(10_000)
            return context
          }),
          (context) => Effect.promise(() => context.close())
        )
      })
    })
  )
}

/** Which program to start, and how. */
const program: Effect.Effect<
  LaunchOptions,
  Config.ConfigError | ChromiumMissing,
  FileSystem.FileSystem | Path.Path | ChildProcessSpawner.ChildProcessSpawner
> = Effect.gen(function* () {
  const chosen = yield* Config.option(Config.String("CHROME_PATH"))
  if (Option.isSome(chosen)) return { executablePath: chosen.value }
  if (process.platform !== "linux" || process.arch !== "x64") return { channel: "chrome" }
  const folder = yield* unpacked
  const { LD_LIBRARY_PATH = "" } = process.env
  return {
    executablePath: `${folder}/chromium`,
    env: {
      ...process.env,
      FONTCONFIG_FILE: `${folder}/fonts.conf`,
      // The libraries that a server without a desktop may lack.
      LD_LIBRARY_PATH: [`${folder}/al2023/lib`, LD_LIBRARY_PATH].filter((part) => part !== "").join(":")
    }
  }
})

/**
 * The folder of the package's browser, unpacked once for a machine and version. The package takes a program that another
 * process is still writing for one that is there, so each unpacks into a folder of its own, and the first one is it.
 */
const unpacked = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const root = yield* path.fromFileUrl(new URL("../..", import.meta.url))
  const { version } = yield* Manifest(
    yield* fs.readFileString(path.join(root, "node_modules/@sparticuz/chromium/package.json"))
  )
  const temporary = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-chromium-" })
  const folder = path.join(path.dirname(temporary), `nexus-chromium-${version}`)
  if (yield* fs.exists(folder)) return folder
  const own = path.join(temporary, "own")
  yield* fs.makeDirectory(own)
  const { PATH = "", HOME = "" } = process.env
  // The last variable has it unpack its libraries as well.
  const env = { PATH, HOME, TMPDIR: own, AWS_EXECUTION_ENV: "nodejs24.x" }
  const unpacking = ChildProcess.make(process.execPath, ["test/support/UnpackChromium.ts"], { cwd: root, env })
  const said = yield* spawner.string(unpacking, { includeStderr: true })
  if (!(yield* fs.exists(path.join(own, "fonts.conf")))) return yield* new ChromiumMissing({ cause: said })
  // Another process may have been faster.
  yield* Effect.catch(fs.rename(own, folder), (cause) => Effect.filterOrFail(fs.exists(folder), Boolean, () => cause))
  return folder
}).pipe(
  Effect.scoped,
  Effect.mapError((cause) => (cause instanceof ChromiumMissing ? cause : new ChromiumMissing({ cause })))
)

const Manifest = Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))
