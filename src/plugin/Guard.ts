import { Cause, Effect, Redacted } from "effect"
import { makeScrub, type Scrub } from "../domain/Scrub.ts"
import { Outcome } from "./Outcome.ts"
import type { Account, OutgoingContact } from "./Provider.ts"
import { Forbidden, ProviderError, type Reason, Rejected, unavailable } from "./ProviderError.ts"

/**
 * Stands between the service and the functions of a plugin: a fault in one becomes a `ProviderError` instead of ending
 * the fiber of whoever called it, and no error carries one of the connection's secrets. Spans that a plugin opens are not
 * recorded, as they end with its errors as they are; the one around its calls is.
 */
export const makeGuard =
  (provider: string, scrub: Scrub) =>
  <A>(call: () => Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
    Effect.suspend(call).pipe(
      Effect.withTracerEnabled(false),
      Effect.mapError((error) => cleanError(error, scrub)),
      Effect.catchDefect((defect) =>
        Effect.logError(
          `The plugin of ${provider} failed in a way that it did not foresee`,
          scrub(Cause.pretty(Cause.die(defect)))
        ).pipe(
          Effect.andThen(Effect.fail(unavailable(`The plugin of ${provider} failed in a way that it did not foresee`)))
        )
      ),
      Effect.withSpan("Plugin", { attributes: { provider } })
    )
export type Guard = ReturnType<typeof makeGuard>

/**
 * For what the provider of a connection says.
 *
 * @param credentials as the plugin's schema decodes them, secrets `Redacted`
 */
export const scrubOf = (credentials: unknown): Scrub =>
  makeScrub(
    Object.values(typeof credentials === "object" && credentials !== null ? credentials : {}).flatMap((value) => {
      const secret: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : undefined
      return typeof secret === "string" ? [secret] : []
    })
  )

/** An account as it may be stored and shown. */
export const cleanAccount = ({ id, label }: Account, scrub: Scrub): Account => ({ id: scrub(id), label: scrub(label) })

/**
 * Holds a plugin to its word: an outcome for each contact, as a shorter list would account for the wrong ones. The
 * reasons of rejections are free of secrets as errors are: what a provider says about a batch ends up in either.
 */
export const oneForEach = (
  batch: ReadonlyArray<Pick<OutgoingContact, "id">>,
  outcomes: Effect.Effect<ReadonlyArray<Outcome>, ProviderError>,
  scrub: Scrub
): Effect.Effect<ReadonlyArray<Outcome>, ProviderError> =>
  outcomes.pipe(
    Effect.filterOrFail(
      (outcomes) => outcomes.length === batch.length,
      (outcomes) => unavailable(`The plugin gave ${outcomes.length} outcomes for ${batch.length} contacts`)
    ),
    Effect.map((outcomes) => outcomes.map((outcome) => cleanOutcome(outcome, scrub)))
  )

const cleanReason = (reason: Reason, scrub: Scrub): Reason => {
  if (reason._tag === "Forbidden") return new Forbidden({ missing: scrub(reason.missing) })
  return reason._tag === "Rejected" && reason.field !== null ? new Rejected({ field: scrub(reason.field) }) : reason
}

const cleanError = ({ reason, detail }: ProviderError, scrub: Scrub): ProviderError =>
  new ProviderError({ reason: cleanReason(reason, scrub), detail: scrub(detail) })

const cleanOutcome = (outcome: Outcome, scrub: Scrub): Outcome => {
  if (outcome._tag !== "Rejected") return outcome
  const field = outcome.field === undefined ? {} : { field: scrub(outcome.field) }
  return Outcome.Rejected({ reason: scrub(outcome.reason), retryable: outcome.retryable, ...field })
}
