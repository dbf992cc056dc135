import { DateTime, Effect, Redacted } from "effect"
import { Integration } from "../domain/Integration.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { mask } from "./ConnectForm.ts"
import { Connections } from "./Connections.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"

const time = (date: Date | null) => (date === null ? null : DateTime.fromDateUnsafe(date))

/** Shows an integration as the API does. Credentials that can't be opened any more are shown as none. */
export const makeIntegrationView = Effect.gen(function* () {
  const registry = yield* PluginRegistry
  const connections = yield* Connections

  return Effect.fnUntraced(function* (row: IntegrationRow) {
    const provider = yield* Effect.option(registry.get(row.provider))
    const credentials = yield* Effect.option(connections.credentials(row))
    return new Integration({
      ...row,
      name: provider._tag === "Some" ? provider.value.name : row.provider,
      credentials:
        provider._tag === "Some" && credentials._tag === "Some"
          ? mask(provider.value, Redacted.value(credentials.value))
          : {},
      lastSyncAt: time(row.lastSyncAt),
      lastVerifiedAt: time(row.lastVerifiedAt),
      createdAt: DateTime.fromDateUnsafe(row.createdAt),
      updatedAt: DateTime.fromDateUnsafe(row.updatedAt)
    })
  })
})
