import { DateTime, Effect, Option, Redacted } from "effect"
import { Integration } from "../domain/Integration.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { Provider } from "../plugin/Provider.ts"
import { ManagedWebhooks } from "../webhooks/ManagedWebhooks.ts"
import { mask } from "./ConnectForm.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"
import { StoredCredentials } from "./StoredCredentials.ts"
import { eventsStopped } from "./Troubles.ts"

const time = (date: Date | null) => (date === null ? null : DateTime.fromDateUnsafe(date))

/**
 * Shows an integration as the API does. Credentials that can't be opened any more are shown as none, and so are those of
 * a plugin that is not installed any more: nobody could tell what in them is secret.
 */
export const makeIntegrationView = Effect.gen(function* () {
  const registry = yield* PluginRegistry
  const stored = yield* StoredCredentials
  const webhooks = yield* ManagedWebhooks

  /** A provider that gets events and can't be asked about itself is in trouble when its webhook was disabled. */
  const stopped = Effect.fnUntraced(function* (provider: Provider, row: IntegrationRow) {
    if (!provider.hasWebhook || row.status !== "ACTIVE") return {}
    const [webhook] = yield* webhooks.list(row.userId, provider.id)
    if (webhook === undefined || webhook.isActive) return {}
    const { kind, sentence } = eventsStopped(provider, webhook.disabledReason)
    return { status: "ERROR" as const, lastError: sentence, lastErrorKind: kind }
  })

  return Effect.fnUntraced(function* (row: IntegrationRow) {
    const provider = yield* Effect.option(registry.get(row.provider))
    const credentials = yield* Effect.option(stored.open(row))
    return new Integration({
      ...row,
      ...(Option.isSome(provider) ? yield* stopped(provider.value, row) : {}),
      name: Option.match(provider, { onNone: () => row.provider, onSome: ({ name }) => name }),
      credentials:
        Option.isSome(provider) && Option.isSome(credentials)
          ? mask(provider.value, Redacted.value(credentials.value))
          : {},
      lastSyncAt: time(row.lastSyncAt),
      lastVerifiedAt: time(row.lastVerifiedAt),
      createdAt: DateTime.fromDateUnsafe(row.createdAt),
      updatedAt: DateTime.fromDateUnsafe(row.updatedAt)
    })
  })
})
