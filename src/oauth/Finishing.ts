/** What happens to an attempt whose state was used up: the code becomes tokens, and the tokens a connection. */
import { Effect, type Redacted } from "effect"
import type { UserId } from "../domain/Ids.ts"
import { type Integration, NewIntegration } from "../domain/Integration.ts"
import { Integrations } from "../integrations/Integrations.ts"
import type { OAuthProvider } from "../plugin/Provider.ts"
import { Vault } from "../vault/Vault.ts"
import { OAuthClients } from "./OAuthClients.ts"
import { OAuthStateRepo, type OAuthStateRow } from "./OAuthStateRepo.ts"
import { type Ending, ending, failedExchange, missingScope, refusedCallback } from "./Outcomes.ts"
import { TokenEndpoint } from "./TokenEndpoint.ts"
import { verifierPlace } from "./Verifier.ts"

/** What comes back from a provider, and with which browser. */
export interface ReturningBrowser {
  readonly parameters: URLSearchParams
  /** The values of its cookies that attempts are bound to. */
  readonly browsers: ReadonlyArray<string>
  /** Who is signed in with this browser, if anybody is. */
  readonly userId: UserId | undefined
  readonly address: string | null
}

/** Makes the function that ends an attempt, whatever happens, and says so in its row. */
export const makeFinishing = Effect.gen(function* () {
  const repo = yield* OAuthStateRepo
  const clients = yield* OAuthClients
  const endpoint = yield* TokenEndpoint
  const integrations = yield* Integrations
  const vault = yield* Vault

  const connect = Effect.fnUntraced(
    function* (
      provider: OAuthProvider,
      row: OAuthStateRow,
      state: Redacted.Redacted<string>,
      { parameters, address }: ReturningBrowser
    ) {
      const client = yield* clients.of(provider)
      const verifier = row.verifier === null ? undefined : yield* vault.open(row.verifier, verifierPlace(row))
      const { fields, scopes } = yield* endpoint.exchange(provider, client, { parameters, state, verifier })
      // None named: all that were asked for were granted (RFC 6749, section 5.1).
      const missing = provider.oauth.requiredScopes.filter((scope) => scopes !== undefined && !scopes.includes(scope))
      if (missing.length > 0) return missingScope(provider, missing)
      const integration = yield* integrations.connect(
        { userId: row.userId, actor: row.actor, address },
        new NewIntegration({
          provider: provider.id,
          credentials: fields,
          ...(row.settings === null ? {} : { settings: row.settings })
        })
      )
      return connected(integration)
    },
    (effect, provider) =>
      Effect.catchTags(effect, {
        CallbackRefused: (refused) => Effect.succeed(refusedCallback(provider, refused)),
        ProviderError: (error) => Effect.succeed(failedExchange(provider, error)),
        CredentialsRefused: ({ message }) => Effect.succeed<Ending>({ outcome: "refused", message }),
        CredentialsUncheckable: ({ message }) => Effect.succeed<Ending>({ outcome: "unavailable", message }),
        WebhookLimitReached: ({ message }) => Effect.succeed<Ending>({ outcome: "refused", message }),
        InvalidIntegration: ({ message }) =>
          Effect.succeed<Ending>({
            outcome: "refused",
            message: `What ${provider.name} gave does not make a connection: ${message}`
          }),
        OAuthNotConfigured: ({ message }) => Effect.succeed<Ending>({ outcome: "not_configured", message }),
        SealBroken: (broken) =>
          Effect.as(
            Effect.logError("The verifier of an OAuth attempt can't be opened", broken),
            ending("unavailable", provider)
          )
      })
  )

  return Effect.fnUntraced(function* (
    provider: OAuthProvider,
    row: OAuthStateRow,
    state: Redacted.Redacted<string>,
    returning: ReturningBrowser
  ) {
    const ended = yield* connect(provider, row, state, returning).pipe(
      Effect.catchCause((cause) =>
        Effect.as(Effect.logError("An OAuth attempt broke off", cause), ending("unavailable", provider))
      )
    )
    yield* repo.finish(row, ended.outcome, ended.message)
    return ended
  })
})

const connected = ({ name, accountLabel, lastError }: Integration): Ending => ({
  outcome: "connected",
  message: [`${name} is connected`, accountLabel === null ? "" : ` (${accountLabel})`, lastError && `. ${lastError}`]
    .filter((part) => part !== null)
    .join("")
})
