import { Duration, Schema } from "effect"
import { ForbiddenUrl } from "./ForbiddenUrl.ts"
import { Unreachable } from "./Unreachable.ts"

/** No status arrived within the time that the request allows for the whole exchange. */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", {
  host: Schema.String,
  /** Whether the request was on its way to an open connection (`connect`) or sent and not answered (`answer`). */
  phase: Schema.Literals(["connect", "answer"]),
  /** The time allowed, in milliseconds. */
  millis: Schema.Finite
}) {
  override get message(): string {
    const within = Duration.format(Duration.millis(this.millis))
    return this.phase === "connect"
      ? `${this.host} could not be connected to within ${within}.`
      : `${this.host} took the request and did not answer within ${within}.`
  }
}

/**
 * Why a request brought no answer. Catch one reason with `Effect.catchReason("EgressError", "Timeout", …)`; `message`
 * is the reason's, fit for a delivery's history. An answer with a bad status is not an error.
 */
export class EgressError extends Schema.TaggedError<EgressError>()("EgressError", {
  reason: Schema.Union([Timeout, Unreachable, ForbiddenUrl])
}) {
  override get message(): string {
    return this.reason.message
  }
}
