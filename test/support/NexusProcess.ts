import * as process from "node:process"
import { Effect, Path, Queue, Redacted, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestDatabase } from "./Database.ts"
import { testKey } from "./Dispatching.ts"

/** What the command line runs on, as the README says. */
export const runtimes = {
  Node: [process.execPath, "bin/nexus.js"],
  Deno: ["node_modules/.bin/deno", "run", "-A", "--quiet", "src/main.ts"]
} as const

/** How a `nexus` process ended. */
export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A `nexus` process that is running. */
export interface NexusProcess {
  readonly pid: number
  /** The next line of its standard output that fits; fails when it ends without one. */
  line(pattern: RegExp): Effect.Effect<string, Error>
  /** Sends a signal, and waits for the end. */
  stop(signal: NodeJS.Signals): Effect.Effect<number>
}

/** The environment of a service in production on the test's database, which may reach loopback. */
export const production = Effect.map(TestDatabase, ({ url }) => ({
  DATABASE_URL: Redacted.value(url),
  JWT_SECRET: "a-secret-that-only-tests-know-of-and-nobody-else",
  NEXUS_EGRESS_ALLOW: "127.0.0.0/8",
  NEXUS_ENCRYPTION_KEYS: testKey,
  PORT: "0"
}))

/** What runs a command: a runtime on this clone, or the package that is installed in a project's folder. */
type Runner = keyof typeof runtimes | { readonly project: string }

const spawn = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  runner: Runner = "Node"
) {
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const [command, ...first] =
    typeof runner === "string" ? runtimes[runner] : [process.execPath, "node_modules/nexus-integrations/bin/nexus.js"]
  const cwd = typeof runner === "string" ? yield* path.fromFileUrl(new URL("../..", import.meta.url)) : runner.project
  const { PATH = "", HOME = "" } = process.env
  return yield* spawner.spawn(
    ChildProcess.make(command, [...first, ...args], { cwd, killSignal: "SIGKILL", env: { PATH, HOME, ...env } })
  )
})

/** Runs a command to its end. Its environment is `env` and nothing else of this process's. */
export const runNexus = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  runner?: Runner
) {
  const handle = yield* spawn(args, env, runner)
  const text = <E>(stream: Stream.Stream<Uint8Array, E>) => stream.pipe(Stream.decodeText(), Stream.mkString)
  const [out, err, code] = yield* Effect.all([text(handle.stdout), text(handle.stderr), handle.exitCode], {
    concurrency: "unbounded"
  })
  return { out, err, code } satisfies Ended
}, Effect.scoped)

/** Starts a command that runs until it is stopped; killed with the scope. What it says on standard error is shown. */
export const startNexus = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  runner?: Runner
) {
  const handle = yield* spawn(args, env, runner)
  const lines = yield* Queue.unbounded<string, Error>()
  const errors: Array<string> = []
  yield* handle.stderr.pipe(
    Stream.decodeText(),
    Stream.runForEach((text) => Effect.sync(() => errors.push(text))),
    Effect.forkScoped
  )
  yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) => Queue.offer(lines, line)),
    Effect.onExit(() => Queue.fail(lines, new Error(`nexus ${args.join(" ")} ended: ${errors.join("")}`))),
    Effect.forkScoped
  )
  const nexus: NexusProcess = {
    pid: handle.pid,
    line: (pattern) => Queue.take(lines).pipe(Effect.repeat({ until: (line) => pattern.test(line) })),
    stop: (signal) =>
      Effect.andThen(
        Effect.sync(() => process.kill(handle.pid, signal)),
        Effect.map(Effect.orDie(handle.exitCode), Number)
      )
  }
  return nexus
})
