import { Context, Effect, Layer, Option, RcMap, Redacted, Schedule, Semaphore } from "effect"
import type { IntegrationId } from "../domain/Ids.ts"
import type { IntegrationRow } from "../integrations/IntegrationRepo.ts"
import { type Credentials, StoredCredentials, texts } from "../integrations/StoredCredentials.ts"
import type { OAuthProvider } from "../plugin/Provider.ts"
import { type ProviderError, unavailable } from "../plugin/ProviderError.ts"
import { OAuthClients } from "./OAuthClients.ts"
import { makeRefreshBudget } from "./RefreshBudget.ts"
import { type ClaimedCredentials, type CurrentCredentials, RefreshRepo, refreshSeconds } from "./RefreshRepo.ts"
import { fitting } from "./TokenAnswers.ts"
import { TokenEndpoint } from "./TokenEndpoint.ts"

/** What is renewed. */
type Renewable = Pick<IntegrationRow, "id" | "userId" | "provider" | "connection">

/** How often who waits for another process's refresh looks whether it is done. */
const glance = "200 millis"

/**
 * Renews access tokens, once however many callers and processes ask at the same moment. Who exchanges holds a lease in
 * the database; no transaction is open meanwhile. A process that dies between exchange and save leaves the old refresh
 * token: a provider that keeps those takes it once more, and one that rotates them says that the grant is over.
 */
export class TokenRefresh extends Context.Service<
  TokenRefresh,
  {
    /**
     * The credentials of an integration with another access token than `stale`, which is the one that was refused or
     * is about to end. `Unauthorized` when the grant is over, and a user has to connect again.
     */
    renew(
      provider: OAuthProvider,
      row: Renewable,
      stale: unknown
    ): Effect.Effect<Redacted.Redacted<Credentials>, ProviderError>
  }
>()("nexus/oauth/TokenRefresh") {
  static readonly layer = Layer.effect(
    TokenRefresh,
    Effect.gen(function* () {
      const repo = yield* RefreshRepo
      const stored = yield* StoredCredentials
      const clients = yield* OAuthClients
      const endpoint = yield* TokenEndpoint
      const spend = yield* makeRefreshBudget
      // The callers of one process ask the database one after the other, and all but the first find it done.
      const turns = yield* RcMap.make({ lookup: (_: IntegrationId) => Semaphore.make(1) })

      /** What is stored, if it is no longer the stale token. */
      const newer = Effect.fnUntraced(function* (row: Renewable, found: CurrentCredentials, stale: unknown) {
        const credentials = yield* stored.open({ ...row, credentials: found.credentials })
        return Redacted.value(credentials).accessToken === stale ? Option.none() : Option.some(credentials)
      })

      /** What is stored after all: connected anew in the meantime, those are the credentials that count. */
      const afterAll = Effect.fnUntraced(function* (
        row: Renewable,
        stale: unknown,
        otherwise: Effect.Effect<never, ProviderError>
      ) {
        const now = yield* repo.current(row)
        const found = now === undefined ? Option.none() : yield* newer(row, now, stale)
        return Option.isSome(found) ? found.value : yield* otherwise
      })

      const save = Effect.fnUntraced(function* (row: Renewable, claimed: ClaimedCredentials, credentials: Credentials) {
        const isSaved = yield* repo.save(row, claimed, yield* stored.seal(row, credentials))
        return isSaved ? Redacted.make(credentials) : undefined
      })

      /** Exchanges the refresh token and stores what comes. */
      const exchange = Effect.fn("TokenRefresh.exchange")(function* (
        provider: OAuthProvider,
        row: Renewable,
        claimed: ClaimedCredentials
      ) {
        const old = Redacted.value(yield* stored.open({ ...row, credentials: claimed.credentials }))
        const client = yield* clients
          .of(provider)
          .pipe(Effect.mapError(({ message }) => unavailable(`its access has to be renewed, and ${message}`)))
        const asked = Effect.andThen(
          spend(provider, claimed.connection),
          endpoint.refresh(provider, client, texts(old))
        )
        // A refresh token that is kept can be shown twice, so an answer that was lost costs nothing.
        const isRepeatable = provider.oauth.refreshTokens === "kept"
        return yield* Effect.retry(asked, {
          times: isRepeatable ? 1 : 0,
          while: ({ reason }) => reason._tag === "Unavailable"
        }).pipe(
          Effect.flatMap(({ fields }) => fitting(provider, { ...old, ...fields })),
          Effect.flatMap((credentials) => save(row, claimed, credentials)),
          Effect.flatMap((saved) =>
            saved === undefined ? afterAll(row, old.accessToken, gone) : Effect.succeed(saved)
          ),
          Effect.catchReason("ProviderError", "Unauthorized", (_, error) =>
            afterAll(row, old.accessToken, Effect.fail(error))
          )
        )
      })

      const attempt = Effect.fnUntraced(function* (provider: OAuthProvider, row: Renewable, stale: unknown) {
        const current = yield* repo.current(row)
        if (current === undefined) return yield* gone
        const done = yield* newer(row, current, stale)
        if (Option.isSome(done)) return done
        const claimed = yield* repo.claim({ ...row, connection: current.connection })
        if (claimed === undefined) return Option.none()
        const own = { ...row, connection: claimed.connection }
        // Between the look and the claim another process may have finished.
        return yield* newer(own, claimed, stale).pipe(
          Effect.flatMap((done) =>
            Option.isSome(done) ? Effect.succeed(done) : Effect.asSome(exchange(provider, own, claimed))
          ),
          Effect.ensuring(Effect.ignore(repo.release(own, claimed.lease)))
        )
      }, Effect.uninterruptible)

      return TokenRefresh.of({
        renew: Effect.fn("TokenRefresh.renew")(
          function* (provider, row, stale) {
            const turn = yield* RcMap.get(turns, row.id)
            const waiting = unavailable(`its access is being renewed, and that takes longer than ${refreshSeconds} s`)
            return yield* turn.withPermit(
              attempt(provider, row, stale).pipe(
                Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced(glance) }),
                Effect.flatMap(Option.match({ onNone: () => Effect.fail(waiting), onSome: Effect.succeed })),
                Effect.timeoutOrElse({ duration: `${refreshSeconds + 5} seconds`, orElse: () => Effect.fail(waiting) })
              )
            )
          },
          Effect.scoped,
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

const gone = Effect.fail(unavailable("it was disconnected at this moment"))
