/** How an integration ends. */
import { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { NotConnected } from "../domain/IntegrationErrors.ts"
import { ManagedWebhooks } from "../webhooks/ManagedWebhooks.ts"
import { Connections } from "./Connections.ts"
import { IntegrationRepo, type IntegrationRow } from "./IntegrationRepo.ts"

/** How long a provider may take to revoke. */
const patience = "20 seconds"

/** Makes what {@link Integrations.disconnect} does with the integration that it found. */
export const makeDisconnecting = Effect.gen(function* () {
  const repo = yield* IntegrationRepo
  const connections = yield* Connections
  const webhooks = yield* ManagedWebhooks
  const transaction = yield* makeUserTransactions

  /** Whether the provider made the credentials useless; null where it has no way to do that. */
  const revoke = (row: IntegrationRow): Effect.Effect<boolean | null> =>
    connections.session(row).pipe(
      Effect.flatMap(({ revoke }) => (revoke === undefined ? Effect.succeed(null) : Effect.as(revoke, true))),
      Effect.timeout(patience),
      Effect.scoped,
      // An outage there keeps nobody from taking their credentials back from here.
      Effect.catch((error) =>
        Effect.as(
          Effect.logWarning(`The credentials of the integration ${row.id} could not be revoked: ${error.message}`),
          false
        )
      )
    )

  const disconnect = (actor: Actor, found: IntegrationRow): Effect.Effect<void, NotConnected | SqlError> =>
    Effect.gen(function* () {
      const isRevoked = yield* revoke(found)
      const renewed = yield* transaction(
        actor.userId,
        Effect.gen(function* () {
          const row = yield* repo.lock(actor.userId, found.provider)
          if (row === undefined) return yield* new NotConnected({ provider: found.provider })
          if (row.connection !== found.connection) return row
          yield* webhooks.delete(actor, row.provider)
          yield* repo.endSync(row)
          yield* repo.delete(row)
          yield* repo.announce(actor, "integration.disconnected", row, { isRevoked })
          return undefined
        })
      )
      // Connected anew while the old credentials were revoked: the new ones are to be revoked too, before they go.
      if (renewed !== undefined) yield* disconnect(actor, renewed)
    })

  return disconnect
})
