/** Programs of the benchmark that run in processes of their own and talk to it over Node's IPC channel. */
import { fork } from "node:child_process"
import { readFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Effect, Queue, Schema } from "effect"

export interface ChildProgram {
  readonly pid: number
  send(message: unknown): Effect.Effect<void>
  /** Waits for the next message and decodes it; dies when the program ends before. */
  receive<S extends Schema.Codec<unknown, unknown>>(schema: S): Effect.Effect<S["Type"]>
  /** Waits for its end, however it comes. */
  readonly ended: Effect.Effect<void>
}

/**
 * Starts a program with the Node that runs the benchmark; it is killed with the scope.
 *
 * @param file from the root of the repository
 */
export const startProgram = Effect.fnUntraced(function* (
  file: string,
  args: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {}
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(file, args, {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        serialization: "advanced"
      })
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  const messages = yield* Queue.unbounded<unknown, Error>()
  child.on("message", (message) => Queue.offerUnsafe(messages, message))
  const ended = Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })
  yield* ended.pipe(
    Effect.andThen(Queue.fail(messages, new Error(`${file} has ended before the benchmark was done with it`))),
    Effect.forkScoped
  )
  return {
    pid: child.pid ?? 0,
    send: (message) => Effect.sync(() => child.send(Object(message))),
    receive: (schema) => Queue.take(messages).pipe(Effect.flatMap(Schema.decodeUnknownEffect(schema)), Effect.orDie),
    ended
  } satisfies ChildProgram
})

/** What a clock tick of `/proc` is worth on Linux: `USER_HZ` is 100 on every architecture that Node runs on. */
const microsPerTick = 10_000

/** CPU time that a process has used, in user and kernel mode, all threads together, in microseconds. Linux only. */
export const cpuMicros = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  // The second field is the name in parentheses and may hold spaces; utime and stime are fields 14 and 15 (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) * microsPerTick
}

/** Microseconds by the clock that all processes of one machine share (CLOCK_MONOTONIC on Linux). */
export const sharedMicros = (): number => Number(process.hrtime.bigint() / 1000n)
