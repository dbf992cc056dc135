import { Cause, Clock, Effect, Logger, Predicate, Schema, type Scope } from "effect"
import { ProviderError } from "../ProviderError.ts"
import { makeJumpingClock } from "./JumpingClock.ts"

/** A plugin doesn't do what its contract says. */
export class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", {
  /** What the contract says, as a sentence. */
  expected: Schema.String,
  /** What happened instead, as a sentence. */
  happened: Schema.String,
  /** What its author can do, as a sentence. */
  advice: Schema.String
}) {
  override get message() {
    return `${this.expected} ${this.happened} ${this.advice}`
  }
}

/** Whether a plugin passed a check, or has nothing for it to look at. */
export type Verdict = "passed" | "does not apply"

/** One promise of a plugin's, put to the test. It is independent of the other checks, and of any test runner. */
export interface Check {
  /** A sentence that is true of a plugin that passes. */
  readonly name: string
  readonly run: Effect.Effect<Verdict, CheckFailed>
}

/** What a check does: it passes unless it ends with `does not apply`. Any error is a failure of the check. */
export type CheckBody = Effect.Effect<unknown, unknown, Scope.Scope>

/** Fails unless `isSo`. */
export const expect = (isSo: boolean, failure: ConstructorParameters<typeof CheckFailed>[0]) =>
  isSo ? Effect.void : Effect.fail(new CheckFailed(failure))

/** Makes a check. It runs on a clock of its own that jumps instead of sleeping, or on a real one; its logs go nowhere. */
export const makeCheck = (name: string, body: CheckBody, time: "jumping" | "real" = "jumping"): Check => ({
  name,
  run: Effect.flatMap(time === "jumping" ? makeJumpingClock : Clock.Clock, (clock) =>
    body.pipe(
      Effect.scoped,
      Effect.map((end): Verdict => (end === "does not apply" ? end : "passed")),
      Effect.catchCause((cause) => Effect.fail(failureOf(Cause.squash(cause)))),
      Effect.provideService(Clock.Clock, clock),
      Effect.provideService(Logger.CurrentLoggers, new Set())
    )
  )
})

const failureOf = (error: unknown): CheckFailed => {
  if (error instanceof CheckFailed) return error
  if (error instanceof ProviderError) {
    return new CheckFailed({
      expected: "The calls of this check succeed.",
      happened: `One failed with ${error.message}.`,
      advice: "Look for the request that the emulator refused, or that the plugin took for a failure."
    })
  }
  const said = Predicate.isError(error) ? error.message : String(error)
  return new CheckFailed({
    expected: "The plugin and its emulator run without faults of their own.",
    happened: `One stopped with: ${said}.`,
    advice: "A plugin fails with ProviderError alone, and an emulator never throws."
  })
}
