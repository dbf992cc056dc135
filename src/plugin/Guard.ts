import { Cause, Effect, Redacted } from "effect"
import { makeScrub } from "../domain/Scrub.ts"
import type { StoredFile } from "./Files.ts"
import { Outcome } from "./Outcome.ts"
import type { Account, OutgoingContact } from "./Provider.ts"
import { Forbidden, ProviderError, type Reason, Rejected, unavailable } from "./ProviderError.ts"

/** Characters that are kept of what a provider says; it may say as much as it likes. */
const longest = 1000

/**
 * Stands between the service and the functions of a plugin: a fault in one becomes a `ProviderError` instead of ending
 * the fiber of whoever called it, and neither an error nor the reason of a rejected contact carries one of the connection's secrets, as providers that repeat what they refuse would have it. Spans that a plugin opens are
 * not recorded, as they end with its errors as they are; the one around its calls is. Texts come without what the database
 * can't hold, and not at any length.
 */
export const guard = (provider: string, credentials: unknown) => {
  const hide = makeScrub(secretsOf(credentials))
  // What splits a secret goes first, or taking it away would put the secret together; a cut one would not be found.
  const scrub = (text: string) => cut(hide(storable(text)))

  const cleanReason = (reason: Reason): Reason => {
    if (reason._tag === "Forbidden") return new Forbidden({ missing: scrub(reason.missing) })
    return reason._tag === "Rejected" && reason.field !== null ? new Rejected({ field: scrub(reason.field) }) : reason
  }

  const cleanOutcome = (outcome: Outcome): Outcome => {
    if (outcome._tag !== "Rejected") return outcome
    const field = outcome.field === undefined ? {} : { field: scrub(outcome.field) }
    return Outcome.Rejected({ ...outcome, reason: scrub(outcome.reason), ...field })
  }

  const call = <A>(call: () => Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
    Effect.suspend(call).pipe(
      Effect.withTracerEnabled(false),
      Effect.mapError(
        ({ reason, detail }) => new ProviderError({ reason: cleanReason(reason), detail: scrub(detail) })
      ),
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

  /** Whose account it is. A secret in it is the plugin's own fault, which the conformance checks have to see. */
  const account = (verify: () => Effect.Effect<Account, ProviderError>): Effect.Effect<Account, ProviderError> =>
    Effect.map(call(verify), ({ id, label }) => ({ id: cut(storable(id)), label: cut(storable(label)) }))

  const file = (put: () => Effect.Effect<StoredFile, ProviderError>): Effect.Effect<StoredFile, ProviderError> =>
    Effect.map(call(put), ({ id, name, link, size, checksum }) => ({
      id: cut(storable(id)),
      name: cut(storable(name)),
      link: link === null ? null : cut(storable(link)),
      size,
      checksum: cut(storable(checksum))
    }))

  /** Holds a plugin to its word: an outcome for each contact. A shorter list would account for the wrong ones. */
  const oneForEach = (
    batch: ReadonlyArray<Pick<OutgoingContact, "id">>,
    outcomes: () => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
  ): Effect.Effect<ReadonlyArray<Outcome>, ProviderError> =>
    call(outcomes).pipe(
      Effect.filterOrFail(
        (outcomes) => outcomes.length === batch.length,
        (outcomes) => unavailable(`The plugin gave ${outcomes.length} outcomes for ${batch.length} contacts`)
      ),
      Effect.filterOrFail(
        (outcomes) => !outcomes.some((outcome) => outcome._tag === "Accepted" && outcome.job === ""),
        () => unavailable("The plugin gave a job without a name, which nobody could ask about")
      ),
      Effect.map((outcomes) => outcomes.map(cleanOutcome))
    )

  return { account, call, file, oneForEach }
}

const storable = (text: string) => text.toWellFormed().replaceAll("\0", "")
const cut = (text: string) => text.slice(0, longest).toWellFormed()

const secretsOf = (credentials: unknown): ReadonlyArray<string> =>
  typeof credentials === "object" && credentials !== null
    ? Object.values(credentials).flatMap((value) => {
        const secret: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : undefined
        return typeof secret === "string" ? [secret] : []
      })
    : []
