import { Effect, Schema } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import { ProviderId, type UserId } from "../domain/Ids.ts"
import { NotConnected } from "../domain/IntegrationErrors.ts"
import { PluginRegistry, providerIdOf } from "../plugin/PluginRegistry.ts"
import { IntegrationRepo } from "./IntegrationRepo.ts"

const isProviderId = Schema.is(ProviderId)

/** Finds a user's integration by what a path calls its provider. */
export const makeFinding = Effect.gen(function* () {
  const repo = yield* IntegrationRepo
  const registry = yield* PluginRegistry
  const transaction = yield* makeUserTransactions

  const rowOf = (userId: UserId, id: ProviderId) =>
    Effect.catchTag(transaction(userId, repo.find(userId, id)), "SqlError", Effect.die)

  /** With its provider. */
  const find = Effect.fnUntraced(function* (userId: UserId, name: string) {
    const provider = yield* registry.get(name)
    const row = yield* rowOf(userId, provider.id)
    if (row === undefined) return yield* new NotConnected({ provider: provider.name })
    return { provider, row }
  })

  /** Also one whose plugin is not installed any more: it can still be looked at, and disconnected. */
  const findAny = Effect.fnUntraced(function* (userId: UserId, name: string) {
    const provider = yield* Effect.result(registry.get(name))
    if (provider._tag === "Success") return (yield* find(userId, name)).row
    const id = providerIdOf(name)
    const row = isProviderId(id) ? yield* rowOf(userId, id) : undefined
    return row ?? (yield* provider.failure)
  })

  return { find, findAny }
})
