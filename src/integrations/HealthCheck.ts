import { Cause, Effect, Layer } from "effect"
import { Checks } from "./Checks.ts"
import { IntegrationRepo, type IntegrationRow } from "./IntegrationRepo.ts"

/** How often it looks whose check is due. */
const rest = "5 seconds"
/** Integrations that are checked at the same moment. */
const atOnce = 10

/**
 * Tries the credentials of integrations by a schedule: every hour while they work, sooner and then less and less often
 * while their provider doesn't. Refused ones are left alone until they are connected anew.
 */
export const HealthCheckLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const repo = yield* IntegrationRepo
    const checks = yield* Checks

    /** One that fails for a reason of our own keeps none of the others from being checked. */
    const checkOne = (row: IntegrationRow) =>
      Effect.catchDefect(checks.check(row), (defect) =>
        Effect.logError(`The check of the integration ${row.id} failed; it is tried again`, Cause.die(defect))
      )

    const round = Effect.gen(function* () {
      const due = yield* repo.dueChecks(atOnce)
      yield* Effect.forEach(due, checkOne, { concurrency: atOnce, discard: true })
      if (due.length < atOnce) yield* Effect.sleep(rest)
    }).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.failCause(cause)
          : Effect.andThen(
              Effect.logWarning("A round of health checks failed; the next one follows", cause),
              Effect.sleep(rest)
            )
      )
    )

    yield* round.pipe(Effect.forever, Effect.forkScoped)
  })
)
