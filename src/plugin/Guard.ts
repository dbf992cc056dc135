import { Cause, Effect, Redacted } from "effect"
import type { Outcome } from "./Outcome.ts"
import type { OutgoingContact } from "./Provider.ts"
import { ProviderError, unavailable } from "./ProviderError.ts"

/**
 * Stands between the service and the functions of a plugin: a fault in one becomes a `ProviderError` instead of ending
 * the fiber of whoever called it, and no error carries one of the connection's secrets.
 */
export const guard = (provider: string, credentials: unknown) => {
  const secrets = secretsOf(credentials)
  return <A>(call: () => Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
    Effect.suspend(call).pipe(
      Effect.mapError((error) => scrubbed(error, secrets)),
      Effect.catchDefect((defect) =>
        Effect.logError(
          `The plugin of ${provider} failed in a way that it did not foresee`,
          scrub(Cause.pretty(Cause.die(defect)), secrets)
        ).pipe(
          Effect.andThen(Effect.fail(unavailable(`The plugin of ${provider} failed in a way that it did not foresee`)))
        )
      )
    )
}

/** Holds a plugin to its word: an outcome for each contact. A shorter list would account for the wrong ones. */
export const oneForEach = (
  batch: ReadonlyArray<Pick<OutgoingContact, "id">>,
  outcomes: Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
): Effect.Effect<ReadonlyArray<Outcome>, ProviderError> =>
  Effect.filterOrFail(
    outcomes,
    (outcomes) => outcomes.length === batch.length,
    (outcomes) => unavailable(`The plugin gave ${outcomes.length} outcomes for ${batch.length} contacts`)
  )

const secretsOf = (credentials: unknown): ReadonlyArray<string> =>
  typeof credentials === "object" && credentials !== null
    ? Object.values(credentials).flatMap((value) => {
        const secret: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : undefined
        return typeof secret === "string" && secret !== "" ? [secret, encodeURIComponent(secret)] : []
      })
    : []

const scrub = (text: string, secrets: ReadonlyArray<string>) =>
  secrets.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, "••••"), text)

const scrubbed = ({ reason, detail }: ProviderError, secrets: ReadonlyArray<string>): ProviderError =>
  new ProviderError({ reason, detail: scrub(detail, secrets) })
