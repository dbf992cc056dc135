/**
 * Connects providers in the browser (RFC 6749, section 4.1, as RFC 9700 wants it): each attempt is bound to the user, to
 * the browser, to the provider and to its redirect URI, and is good once, for ten minutes.
 */
import { Context, Crypto, DateTime, Effect, Fiber, Layer, Redacted } from "effect"
import type { Actor } from "../domain/Actor.ts"
import { OAuthAttemptId, type ProviderId, type UserId } from "../domain/Ids.ts"
import { InvalidIntegration } from "../domain/IntegrationErrors.ts"
import { type NewOAuthAttempt, OAuthAttempt, OAuthAuthorization } from "../domain/OAuthAttempt.ts"
import { OAuthAttemptNotFound, type OAuthNotConfigured, OAuthUnknown } from "../domain/OAuthErrors.ts"
import { validate } from "../integrations/ConnectForm.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { hasOAuth, type Provider } from "../plugin/Provider.ts"
import { hashOf, makeRandomToken } from "../vault/RandomToken.ts"
import { Vault } from "../vault/Vault.ts"
import { makeFinishing, type ReturningBrowser } from "./Finishing.ts"
import { OAuthClients } from "./OAuthClients.ts"
import { type NewOAuthState, OAuthStateRepo, type OAuthStateRow } from "./OAuthStateRepo.ts"
import { type Ending, ending, notTheProviders, unknownState } from "./Outcomes.ts"
import { makeReturnUrls } from "./ReturnUrls.ts"
import { TokenEndpoint } from "./TokenEndpoint.ts"
import { challengeOf, verifierPlace } from "./Verifier.ts"

/** How an attempt ended, and where its browser is to go. */
export interface Returned extends Ending {
  readonly provider: ProviderId | null
  /** Null when it is not known. */
  readonly attempt: OAuthAttemptId | null
  readonly returnUrl: string | null
}

export class OAuthFlows extends Context.Service<
  OAuthFlows,
  {
    /**
     * Begins an attempt.
     *
     * @param browser the value of the cookie that this attempt is bound to
     */
    authorize(
      actor: Actor,
      slug: string,
      attempt: NewOAuthAttempt,
      browser: Redacted.Redacted<string>
    ): Effect.Effect<OAuthAuthorization, OAuthUnknown | OAuthNotConfigured | InvalidIntegration>
    /** Ends an attempt with what the provider sent the browser back with. */
    complete(slug: string, returning: ReturningBrowser): Effect.Effect<Returned>
    /** How far a user's attempt is. */
    attempt(userId: UserId, id: string): Effect.Effect<OAuthAttempt, OAuthAttemptNotFound>
  }
>()("nexus/oauth/OAuthFlows") {
  static readonly layer = Layer.effect(
    OAuthFlows,
    Effect.gen(function* () {
      const repo = yield* OAuthStateRepo
      const registry = yield* PluginRegistry
      const clients = yield* OAuthClients
      const endpoint = yield* TokenEndpoint
      const vault = yield* Vault
      const crypto = yield* Crypto.Crypto
      const returnUrls = yield* makeReturnUrls
      const randomToken = yield* makeRandomToken
      const finish = yield* makeFinishing
      const scope = yield* Effect.scope

      const bySlug = Effect.fnUntraced(function* (slug: string) {
        const providers = (yield* registry.all).filter(hasOAuth)
        const found = providers.find(({ oauth }) => oauth.slug === slug)
        if (found !== undefined) return found
        return yield* new OAuthUnknown({ slug, known: providers.map(({ oauth }) => oauth.slug).sort() })
      })

      /** Why a callback is not taken, before anything is used up. */
      const fault = Effect.fnUntraced(function* (
        provider: Provider,
        slug: string,
        state: OAuthStateRow,
        { browsers, userId, parameters }: ReturningBrowser
      ) {
        if (state.slug !== slug) return ending("wrong_provider", provider)
        if (!browsers.some((browser) => hashOf(browser) === state.browserHash)) return ending("wrong_browser", provider)
        if (userId !== undefined && userId !== state.userId) return ending("wrong_user", provider)
        if (state.isUsed) return ending("used", provider)
        if (state.isExpired) return ending("expired", provider)
        if (clients.setup(provider)?.redirectUri !== state.redirectUri) return ending("not_configured", provider)
        // RFC 6749, section 3.1: no parameter comes twice.
        const isTwofold = ["code", "error", "iss"].some((name) => parameters.getAll(name).length > 1)
        return isTwofold ? notTheProviders(provider) : undefined
      })

      return OAuthFlows.of({
        authorize: Effect.fn("OAuthFlows.authorize")(function* (actor, slug, { returnUrl, settings }, browser) {
          const provider = yield* bySlug(slug)
          if (returnUrl !== undefined && !returnUrls.allows(returnUrl)) return yield* notAllowed
          if (settings !== undefined) yield* validate(provider, { settings })
          const client = yield* clients.of(provider)
          const id = OAuthAttemptId.make(yield* Effect.orDie(crypto.randomUUIDv7()))
          const state = yield* randomToken
          const verifier = provider.oauth.pkce ? yield* randomToken : undefined
          const place = verifierPlace({ id, userId: actor.userId, provider: provider.id })
          const row: NewOAuthState = {
            id,
            provider: provider.id,
            slug,
            stateHash: hashOf(Redacted.value(state)),
            browserHash: hashOf(Redacted.value(browser)),
            redirectUri: client.redirectUri,
            returnUrl: returnUrl ?? null,
            settings: settings ?? null,
            verifier: verifier === undefined ? null : yield* vault.seal(verifier, place)
          }
          const challenge = verifier && challengeOf(verifier)
          const url = yield* Effect.orDie(endpoint.authorizationUrl(provider, client, { state, challenge }))
          const expiresAt = yield* Effect.orDie(repo.insert(actor, row))
          return new OAuthAuthorization({ id, url, expiresAt: DateTime.fromDateUnsafe(expiresAt) })
        }),

        complete: Effect.fn("OAuthFlows.complete")(
          function* (slug, returning) {
            const [given, ...more] = returning.parameters.getAll("state")
            const isState = given !== undefined && more.length === 0
            const state = isState ? yield* repo.find(hashOf(given)) : undefined
            const providers = (yield* registry.all).filter(hasOAuth)
            const provider = providers.find(({ id }) => id === state?.provider)
            if (state === undefined || provider === undefined || given === undefined) return nowhere
            const { id, returnUrl } = state
            const back = { provider: provider.id, attempt: id, returnUrl }
            const refused = yield* fault(provider, slug, state, returning)
            if (refused !== undefined) return { ...refused, ...back }
            // In a fiber of its own: who takes the state says how it ended, even when the browser hangs up meanwhile.
            const ended = yield* Effect.gen(function* () {
              if (!(yield* repo.use(state))) return ending("used", provider)
              return yield* finish(provider, state, Redacted.make(given), returning)
            }).pipe(Effect.forkIn(scope), Effect.flatMap(Fiber.join))
            return { ...ended, ...back }
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        attempt: Effect.fn("OAuthFlows.attempt")(function* (userId, id) {
          const row = yield* Effect.orDie(repo.attempt(userId, id))
          if (row === undefined) return yield* new OAuthAttemptNotFound({ id })
          const { isExpired, isBroken, createdAt, expiresAt, ...attempt } = row
          const name = (yield* registry.all).find((provider) => provider.id === row.provider)?.name ?? row.provider
          const over = isExpired ? ending("expired", { name }) : isBroken ? ending("unavailable", { name }) : undefined
          return new OAuthAttempt({
            ...attempt,
            ...over,
            createdAt: DateTime.fromDateUnsafe(createdAt),
            expiresAt: DateTime.fromDateUnsafe(expiresAt)
          })
        })
      })
    })
  )
}

const nowhere: Returned = { ...unknownState, provider: null, attempt: null, returnUrl: null }

const notAllowed = new InvalidIntegration({
  errors: [
    {
      path: "returnUrl",
      message: "Expected one of the URLs in RETURN_URLS, to the letter, or the dashboard's page of integrations"
    }
  ]
})
