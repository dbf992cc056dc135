import * as net from "node:net"
import * as os from "node:os"
import * as process from "node:process"
import { Effect, FileSystem, Path } from "effect"
import type { Cluster } from "./Cluster.ts"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { runProgram } from "./PostgresProgram.ts"

/**
 * What the lock file of a data directory says about the server that runs, or ran, on it.
 * Source: Postgres' `src/include/utils/pidfile.h`: line 1 is the pid, 4 the port.
 */
export interface LockFile {
  readonly text: string
  readonly pid: number
  readonly port: number
}

/** Reads `postmaster.pid`; `undefined` when no server runs and none was killed. */
export const readLockFile = Effect.fnUntraced(function* (cluster: Cluster) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* fs
    .readFileString(path.join(cluster.data, "postmaster.pid"))
    .pipe(Effect.catchReason("PlatformError", "NotFound", () => Effect.void))
  if (text === undefined) return undefined
  const lines = text.split("\n").map((line) => line.trim())
  const lock: LockFile = { text, pid: Number(lines[0]), port: Number(lines[3]) }
  return lock
})

const isAlive = (pid: number) =>
  Effect.try(() => process.kill(pid, 0)).pipe(
    Effect.as(true),
    // No permission to signal it: it lives, as someone else's.
    Effect.catch((error) => Effect.succeed(!String(error.cause).includes("ESRCH")))
  )

/** How a process was called; empty for a zombie. (Its `/proc/…/cwd` would tell more, but needs CAP_SYS_PTRACE.) */
const commandLine = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  if (os.platform() === "linux") return yield* fs.readFileString(`/proc/${pid}/cmdline`)
  return yield* runProgram("ps", ["-o", "command=", "-p", String(pid)], undefined)
})

/** Whether the lock's pid is a Postgres server on this data directory, and not another program that got its number. */
export const isServing = Effect.fnUntraced(function* (cluster: Cluster, { pid }: LockFile) {
  if (!(yield* isAlive(pid))) return false
  return yield* commandLine(pid).pipe(
    Effect.map((command) => command.includes(cluster.data)),
    Effect.orElseSucceed(() => os.platform() === "win32")
  )
})

/** Clears a lock whose pid is now another program. Should a new server have locked meanwhile, its lock is put back. */
export const clearLockFile = Effect.fnUntraced(function* (cluster: Cluster, seen: LockFile) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = path.join(cluster.data, "postmaster.pid")
  const aside = path.join(cluster.directory, `postmaster.pid.${process.pid}`)
  yield* fs.rename(lock, aside)
  if ((yield* fs.readFileString(aside)) !== seen.text) yield* fs.link(aside, lock)
  yield* fs.remove(aside)
})

/** A port of the loopback address that nobody uses: `wanted` if it is free, else one that the system picks. */
const freePort = Effect.fnUntraced(function* (wanted: number) {
  const probe = (port: number) =>
    Effect.callback<number, Error>((resume) => {
      const server = net.createServer()
      server.once("error", (error) => resume(Effect.fail(error)))
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        server.close(() =>
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
        )
      })
    })
  return yield* probe(wanted).pipe(
    Effect.catch(() => probe(0)),
    Effect.mapError((cause) => new EmbeddedPostgresError({ message: "No port of 127.0.0.1 can be opened", cause }))
  )
})

const lastLines = Effect.fnUntraced(function* (file: string) {
  const text = yield* (yield* FileSystem.FileSystem).readFileString(file).pipe(Effect.orElseSucceed(() => ""))
  return text.trimEnd().split("\n").slice(-8).join("\n")
})

/**
 * Starts a server and waits until it takes connections. `pg_ctl` puts it in a session of its own, so that a Ctrl-C in
 * the terminal reaches us and not the server under our feet. It keeps the port of its first start while that is free.
 */
export const startServer = Effect.fn("Postmaster.start")(function* (cluster: Cluster) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const portFile = path.join(cluster.directory, "port")
  const last = yield* fs.readFileString(portFile).pipe(Effect.orElseSucceed(() => "0"))
  const port = yield* freePort(Number(last))
  yield* fs.writeFileString(portFile, String(port))
  yield* runProgram(
    cluster.binaries.pgCtl,
    ["start", "--wait", "--timeout=60", `--pgdata=${cluster.data}`, `--log=${cluster.log}`, `--options=-p ${port}`],
    cluster.account
  ).pipe(
    Effect.catch(
      Effect.fnUntraced(function* (cause) {
        return yield* new EmbeddedPostgresError({
          message: `The embedded Postgres did not start. The end of ${cluster.log}:\n${yield* lastLines(cluster.log)}`,
          cause
        })
      })
    )
  )
  return port
  // Half started, it could not be stopped by whoever started it.
}, Effect.uninterruptible)

/** Stops the server: sessions are ended, what is committed is on disk. */
export const stopServer = Effect.fn("Postmaster.stop")((cluster: Cluster) =>
  runProgram(
    cluster.binaries.pgCtl,
    ["stop", "--mode=fast", "--wait", "--timeout=60", `--pgdata=${cluster.data}`],
    cluster.account
  )
)
