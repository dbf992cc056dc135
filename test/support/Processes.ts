import * as process from "node:process"
import { Effect, Path, Queue, Schedule, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

/** A program that runs in a process group of its own, as it does in a terminal. */
export interface RunningProgram {
  readonly pid: number
  /** The next line of its standard output; fails when there is none any more. */
  readonly nextLine: Effect.Effect<string, unknown>
  /** Sends a signal to it alone. */
  signal(signal: NodeJS.Signals): Effect.Effect<void>
  /** Sends a signal to its process group, as a terminal's Ctrl-C does. */
  signalGroup(signal: NodeJS.Signals): Effect.Effect<void>
  /** Waits for its end, however it comes. */
  readonly ended: Effect.Effect<void>
}

/** Starts a TypeScript program of the test folder with the Node that runs the tests; it is killed with the scope. */
export const startProgram = Effect.fnUntraced(function* (file: string, args: ReadonlyArray<string>, root?: string) {
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const cwd = root ?? (yield* path.fromFileUrl(new URL("../..", import.meta.url)))
  const options = { cwd, stderr: "inherit", killSignal: "SIGKILL" } as const
  const handle = yield* spawner.spawn(
    ChildProcess.make(process.execPath, ["-C", "nexus-source", file, ...args], options)
  )
  const lines = yield* Queue.unbounded<string, unknown>()
  yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) => Queue.offer(lines, line)),
    Effect.onExit(() => Queue.fail(lines, new Error(`${file} prints nothing any more`))),
    Effect.forkScoped
  )
  const program: RunningProgram = {
    pid: handle.pid,
    nextLine: Queue.take(lines),
    signal: (signal) => Effect.sync(() => process.kill(handle.pid, signal)),
    signalGroup: (signal) => Effect.sync(() => process.kill(-handle.pid, signal)),
    ended: Effect.asVoid(Effect.exit(handle.exitCode))
  }
  return program
})

/** Whether a process of this number exists. */
export const processExists = (pid: number) =>
  Effect.try(() => process.kill(pid, 0)).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )

/** Kills a process for good and waits until it is gone. */
export const killHard = Effect.fnUntraced(function* (pid: number) {
  process.kill(pid, "SIGKILL")
  yield* processExists(pid).pipe(Effect.repeat({ while: (exists) => exists, schedule: Schedule.spaced("10 millis") }))
})
