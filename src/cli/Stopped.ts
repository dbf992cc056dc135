import { Data, Effect, Runtime } from "effect"

/** The command ran until it was told to stop, and stopped. No failure: the process ends with 0. */
export class Stopped extends Data.TaggedError("Stopped") {
  override readonly [Runtime.errorExitCode] = 0
}

/** For a command that ends only by being told to: a signal is its success, where it interrupts any other (130). */
export const untilStopped = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  Effect.onInterrupt(command, () => Effect.die(new Stopped()))
