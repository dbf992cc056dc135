import { execFile } from "node:child_process"
import * as os from "node:os"
import { Data, Effect } from "effect"

/** A Unix account that a program runs as; both numbers are at least 1. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** A program ended with another exit code than 0, or could not be started (`exitCode` is then an errno name). */
export class ProgramFailed extends Data.TaggedError("ProgramFailed")<{
  readonly file: string
  readonly exitCode: number | string | undefined
  readonly output: string
}> {}

/**
 * Runs one of Postgres' programs to its end and returns what it printed.
 *
 * Not Effect's `ChildProcess`, which can't run as another account: Postgres refuses to run as root. The environment
 * is not ours: that other account could read it in `/proc`, and ours holds secrets.
 */
export const runProgram = Effect.fn("PostgresProgram.run")(
  (file: string, args: ReadonlyArray<string>, account: Account | undefined) =>
    Effect.callback<string, ProgramFailed>((resume) => {
      const child = execFile(
        file,
        args,
        {
          cwd: "/",
          windowsHide: true,
          ...(os.platform() === "win32" ? {} : { env: { LC_ALL: "C", PATH: "/usr/bin:/bin" } }),
          ...account
        },
        (error, stdout, stderr) => {
          if (error === null) return resume(Effect.succeed(stdout))
          const output = stderr.trim() || stdout.trim() || error.message
          resume(Effect.fail(new ProgramFailed({ file, exitCode: error.code ?? error.signal ?? undefined, output })))
        }
      )
      return Effect.callback<void>((ended) => {
        child.once("close", () => ended(Effect.void))
        if (child.exitCode !== null || !child.kill()) ended(Effect.void)
      })
    })
)
