import * as process from "node:process"
import { PgClient } from "@effect/sql-pg"
import { Effect, Path, Redacted, Schedule, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestDatabase } from "./Database.ts"
import { testKey } from "./Dispatching.ts"

/** A running `nexus serve`, as a process of its own. */
export interface ServiceProcess {
  readonly pid: number
  signal(signal: NodeJS.Signals): Effect.Effect<void>
  /** Waits for its end; the exit code, or null after a signal. */
  readonly ended: Effect.Effect<number | null>
}

/** Starts a dispatcher on the test's database and waits until it holds a lease; it is killed with the scope. */
export const startDispatcher = Effect.gen(function* () {
  const { url } = yield* TestDatabase
  const sql = yield* PgClient.PgClient
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const root = yield* path.fromFileUrl(new URL("../..", import.meta.url))
  const handle = yield* spawner.spawn(
    ChildProcess.make(process.execPath, ["bin/nexus.js", "serve", "--no-api"], {
      cwd: root,
      stderr: "inherit",
      killSignal: "SIGKILL",
      extendEnv: true,
      env: {
        DATABASE_URL: Redacted.value(url),
        NEXUS_EGRESS_ALLOW: "127.0.0.0/8",
        NEXUS_ENCRYPTION_KEYS: testKey,
        JWT_SECRET: "a-secret-that-only-tests-know-of-and-nobody-else"
      }
    })
  )
  yield* handle.stdout.pipe(Stream.runDrain, Effect.forkScoped)
  yield* sql`SELECT FROM nexus.dispatcher WHERE pid = ${handle.pid} AND ended_at IS NULL`.pipe(
    Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("50 millis") })
  )
  return {
    pid: handle.pid,
    signal: (signal) => Effect.sync(() => process.kill(handle.pid, signal)),
    ended: handle.exitCode.pipe(Effect.match({ onSuccess: Number, onFailure: () => null }))
  } satisfies ServiceProcess
})
