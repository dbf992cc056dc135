/** How an integration ends. */
import { Effect, Option, Redacted } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { NotConnected } from "../domain/IntegrationErrors.ts"
import { OAuthClients } from "../oauth/OAuthClients.ts"
import { TokenEndpoint } from "../oauth/TokenEndpoint.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { hasOAuth } from "../plugin/Provider.ts"
import { ManagedWebhooks } from "../webhooks/ManagedWebhooks.ts"
import { Connections } from "./Connections.ts"
import { IntegrationRepo, type IntegrationRow } from "./IntegrationRepo.ts"
import { StoredCredentials, texts } from "./StoredCredentials.ts"

/** How long a provider may take to revoke. */
const patience = "20 seconds"

/** Makes what {@link Integrations.disconnect} does with the integration that it found. */
export const makeDisconnecting = Effect.gen(function* () {
  const repo = yield* IntegrationRepo
  const registry = yield* PluginRegistry
  const connections = yield* Connections
  const stored = yield* StoredCredentials
  const clients = yield* OAuthClients
  const endpoint = yield* TokenEndpoint
  const webhooks = yield* ManagedWebhooks
  const transaction = yield* makeUserTransactions

  /** Ends the grant that brought the credentials, or lets the plugin revoke them. False where neither can be. */
  const revokeAtProvider = Effect.fnUntraced(function* (row: IntegrationRow) {
    const { revoke } = yield* connections.session(row)
    const provider = yield* Effect.orDie(registry.get(row.provider))
    const fields = texts(Redacted.value(yield* stored.open(row)))
    const { revocation } = provider.oauth ?? {}
    const isOurs = fields.refreshToken !== undefined || (revoke === undefined && revocation?.refreshTokensOnly !== true)
    if (hasOAuth(provider) && revocation !== undefined && isOurs) {
      const client = Option.getOrUndefined(yield* Effect.option(clients.of(provider)))
      yield* endpoint.revoke(provider, client, fields)
      return true
    }
    if (revoke === undefined) return false
    yield* revoke
    return true
  }, Effect.scoped)

  /**
   * Whether the provider made the credentials useless; null where it has no way to do that, or where doing it would take
   * the access from another integration too.
   */
  const revoke = Effect.fnUntraced(
    function* (row: IntegrationRow) {
      const provider = yield* Effect.option(registry.get(row.provider))
      const isShared =
        Option.isSome(provider) && provider.value.oauth?.revokesGrant === true && (yield* repo.sharesAccount(row))
      if (isShared) return null
      return (yield* Effect.timeout(revokeAtProvider(row), patience)) || null
    },
    // An outage there keeps nobody from taking their credentials back from here.
    (effect, row) =>
      Effect.catch(effect, (error) =>
        Effect.as(
          Effect.logWarning(`The credentials of the integration ${row.id} could not be revoked: ${error.message}`),
          false
        )
      )
  )

  /**
   * Whether the refresh token that was revoked is no longer the one that there is: what another one brought lives on.
   * Ones that can't be opened were not revoked, and never will be.
   */
  const isRotated = Effect.fnUntraced(
    function* (now: IntegrationRow, before: IntegrationRow) {
      if (now.credentials === before.credentials) return false
      const token = (row: IntegrationRow) =>
        Effect.map(stored.open(row), (credentials) => texts(Redacted.value(credentials)).refreshToken)
      return (yield* token(now)) !== (yield* token(before))
    },
    Effect.orElseSucceed(() => false)
  )

  const disconnect = (actor: Actor, found: IntegrationRow): Effect.Effect<void, NotConnected | SqlError> =>
    Effect.gen(function* () {
      const isRevoked = yield* revoke(found)
      const renewed = yield* transaction(
        actor.userId,
        Effect.gen(function* () {
          const row = yield* repo.lock(actor.userId, found.provider)
          if (row === undefined) return yield* new NotConnected({ provider: found.provider })
          if (row.connection !== found.connection || (yield* isRotated(row, found))) return row
          yield* webhooks.delete(actor, row.provider)
          yield* repo.endSync(row)
          yield* repo.delete(row)
          yield* repo.announce(actor, "integration.disconnected", row, { isRevoked })
          return undefined
        })
      )
      // Connected anew, or renewed, while the old credentials were revoked: those are to be revoked too, before they go.
      if (renewed !== undefined) yield* disconnect(actor, renewed)
    })

  return disconnect
})
