import { Cause, Config, Console, Effect, PlatformError } from "effect"
import { CliError } from "effect/cli"
import { explainConfigError } from "./Configuration.ts"
import { Stopped } from "./Stopped.ts"

/**
 * Prints why a command failed, as a sentence for people, and fails with it still. What nobody foresaw is printed with
 * its stack; the help that the command line prints by itself is not printed twice.
 */
export const explainFailures = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  command.pipe(
    Effect.tapCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.void
      return Effect.forEach(
        cause.reasons.filter((reason) => !Cause.isInterruptReason(reason) && !isStopped(reason)),
        (reason) => {
          if (Cause.isDieReason(reason)) return Console.error(Cause.pretty(cause))
          if (Cause.isFailReason(reason) && CliError.isCliError(reason.error)) return Effect.void
          return Console.error(Cause.isFailReason(reason) ? messageOf(reason.error) : "")
        },
        { discard: true }
      )
    })
  )

const isStopped = (reason: Cause.Reason<unknown>) => Cause.isDieReason(reason) && reason.defect instanceof Stopped

const messageOf = (error: unknown) => {
  if (error instanceof Config.ConfigError) return explainConfigError(error).message
  if (error instanceof PlatformError.PlatformError) return fileTroubleOf(error) ?? error.message
  return error instanceof Error ? error.message : String(error)
}

/** What most goes wrong with files that are named to a command. */
const fileTroubleOf = ({ reason }: PlatformError.PlatformError): string | undefined => {
  if (reason._tag === "NotFound") return `There is no ${reason.pathOrDescriptor}`
  if (reason._tag === "PermissionDenied") return `${reason.pathOrDescriptor} may not be opened by this user`
  return undefined
}
