/** How an attempt to connect a provider in the browser can end, in words for its user. */
import type { OAuthOutcome } from "../domain/OAuthAttempt.ts"
import { passes, troubleOf } from "../integrations/Troubles.ts"
import type { Provider } from "../plugin/Provider.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import type { CallbackRefused } from "./TokenAnswers.ts"

/** An outcome, and the sentence that says what happened and what to do. */
export interface Ending {
  readonly outcome: OAuthOutcome
  readonly message: string
}

type Named = Pick<Provider, "name">

export const unknownState: Ending = {
  outcome: "unknown_state",
  message:
    "This sign-in is not known here: it is more than a day old, or was begun somewhere else. Begin again from the list of integrations"
}

/** Endings of which nothing more is to be said than the provider's name. */
export const endings = {
  denied: ({ name }) =>
    `You did not allow the access to ${name}, so it was not connected. You can begin again any time`,
  expired: ({ name }) => `The sign-in at ${name} took longer than ten minutes, so it is no longer taken. Begin again`,
  used: ({ name }) =>
    `This sign-in at ${name} has been answered before, and each one is taken once. See in the list of integrations whether it is connected`,
  wrong_browser: ({ name }) =>
    `The sign-in at ${name} was begun in another browser or at another address than this one, or this browser keeps no cookies. Begin again here, and finish it in the same browser`,
  wrong_user: ({ name }) =>
    `The sign-in at ${name} was begun by another user than the one who is signed in now. Begin again as the user whom it is for`,
  wrong_provider: ({ name }) =>
    `This answer came back at the address of another provider than ${name}, which was asked. It was not used; begin again`,
  not_configured: ({ name }) => `The redirect URI for ${name} was changed in the meantime. Begin again`,
  unavailable: ({ name }) => `Something went wrong on our side while ${name} was being connected. Begin again`
} satisfies Partial<Record<OAuthOutcome, (provider: Named) => string>>

/** One of {@link endings}. */
export const ending = (outcome: keyof typeof endings, provider: Named): Ending => ({
  outcome,
  message: endings[outcome](provider)
})

/** The user unticked what is needed. */
export const missingScope = ({ name }: Named, missing: ReadonlyArray<string>): Ending => ({
  outcome: "missing_scope",
  message: `${name} was not allowed all that is needed, so it was not connected. Begin again, and leave this ticked: ${missing.join(", ")}`
})

/** What came back is nothing that the provider sends. */
export const notTheProviders = ({ name }: Named): Ending => ({
  outcome: "refused",
  message: `The answer that came back is not one of ${name}, and was not used. Begin again`
})

/** The callback brought no tokens. `error` is a word of letters, digits and underscores. */
export const refusedCallback = (provider: Named, { reason, error }: CallbackRefused): Ending => {
  const { name } = provider
  switch (reason) {
    case "denied":
      return ending("denied", provider)
    case "provider_error":
      return { outcome: "provider_error", message: `${name} broke the sign-in off (${error}). Begin again, or later` }
    case "issuer":
      return notTheProviders(provider)
    case "code":
      return { outcome: "refused", message: `${name} does not take this sign-in for one of ours. Begin again` }
  }
}

/** The provider could not be asked for tokens. */
export const failedExchange = (provider: Named, error: ProviderError): Ending => {
  const { kind, what } = troubleOf(provider, error)
  return passes(kind)
    ? { outcome: "unavailable", message: `${what}. Begin again later` }
    : { outcome: "provider_error", message: `${what}. Begin again once that is mended` }
}
