import { Context, Effect, Layer } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import type { UserId } from "../domain/Ids.ts"
import {
  type Integration,
  type IntegrationPatch,
  type NewIntegration,
  ProviderFieldInfo,
  type ProviderInfo
} from "../domain/Integration.ts"
import {
  type CredentialsRefused,
  type CredentialsUncheckable,
  type InvalidIntegration,
  NotConnected,
  NotSupported,
  type ProviderFailed,
  type UnknownProvider
} from "../domain/IntegrationErrors.ts"
import type { WebhookLimitReached } from "../domain/WebhookErrors.ts"
import { OAuthClients } from "../oauth/OAuthClients.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { Provider } from "../plugin/Provider.ts"
import { ManagedWebhooks } from "../webhooks/ManagedWebhooks.ts"
import { describeProvider } from "./Catalogue.ts"
import { Checks } from "./Checks.ts"
import { makeConnecting } from "./Connecting.ts"
import { makeDisconnecting } from "./Disconnecting.ts"
import { makeFinding } from "./Finding.ts"
import { IntegrationRepo, type IntegrationRow } from "./IntegrationRepo.ts"
import { makeIntegrationView } from "./IntegrationView.ts"
import { makeSettingsRules } from "./SettingsRules.ts"

type Missing = UnknownProvider | NotConnected

/** A user's connections to providers. Every change is in the audit log, in the same transaction. */
export class Integrations extends Context.Service<
  Integrations,
  {
    /** All providers there are, and to which the user is connected. */
    catalogue(userId: UserId): Effect.Effect<ReadonlyArray<ProviderInfo>>
    /**
     * Connects, or gives a connection new credentials; its id stays. Credentials that the provider refuses change
     * nothing. With a provider that can't be asked a new connection is made in status ERROR, and an old one stays.
     */
    connect(
      actor: Actor,
      integration: NewIntegration
    ): Effect.Effect<
      Integration,
      InvalidIntegration | CredentialsRefused | CredentialsUncheckable | WebhookLimitReached
    >
    /** By provider. */
    list(userId: UserId): Effect.Effect<ReadonlyArray<Integration>>
    get(userId: UserId, provider: string): Effect.Effect<Integration, Missing>
    /** Changes settings, pauses or resumes. */
    update(
      actor: Actor,
      provider: string,
      patch: IntegrationPatch
    ): Effect.Effect<Integration, Missing | InvalidIntegration | ProviderFailed>
    /** Asks the provider whether the credentials work; the answer is the integration's status. */
    verify(actor: Actor, provider: string): Effect.Effect<Integration, Missing>
    /** The fields that a mapping can aim at. */
    fields(
      userId: UserId,
      provider: string
    ): Effect.Effect<ReadonlyArray<ProviderFieldInfo>, Missing | NotSupported | ProviderFailed>
    /** The webhook that the integration manages, for a test event. */
    managedWebhook(userId: UserId, provider: string): Effect.Effect<string, Missing | NotSupported>
    /** Revokes the credentials where the provider can, and erases them. The history of syncs stays. */
    disconnect(actor: Actor, provider: string): Effect.Effect<void, Missing>
  }
>()("nexus/integrations/Integrations") {
  static readonly layer = Layer.effect(
    Integrations,
    Effect.gen(function* () {
      const repo = yield* IntegrationRepo
      const registry = yield* PluginRegistry
      const clients = yield* OAuthClients
      const checks = yield* Checks
      const webhooks = yield* ManagedWebhooks
      const transaction = yield* makeUserTransactions
      const view = yield* makeIntegrationView
      const connect = yield* makeConnecting
      const disconnect = yield* makeDisconnecting
      const { find, findAny } = yield* makeFinding
      const checkSettings = yield* makeSettingsRules

      const shown = Effect.fnUntraced(function* (userId: UserId, name: string) {
        return yield* view(yield* findAny(userId, name))
      })

      return Integrations.of({
        catalogue: Effect.fn("Integrations.catalogue")(
          function* (userId) {
            const connected = yield* transaction(userId, repo.list(userId))
            return (yield* registry.all).map((provider) =>
              describeProvider(
                provider,
                connected.some((row) => row.provider === provider.id),
                clients.setup(provider)
              )
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        connect: Effect.fn("Integrations.connect")(
          function* (actor, integration) {
            return yield* view(yield* connect(actor, integration))
          },
          // Two first connections at the same moment: the second one finds the first and becomes a reconnection.
          Effect.retry({ times: 2, while: (error) => isSqlError(error) && error.reason._tag === "UniqueViolation" }),
          Effect.catchTag("SqlError", Effect.die)
        ),

        list: Effect.fn("Integrations.list")(
          function* (userId) {
            return yield* Effect.forEach(yield* transaction(userId, repo.list(userId)), view)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        get: Effect.fn("Integrations.get")(shown),

        update: Effect.fn("Integrations.update")(
          function* (actor, name, patch) {
            const { provider, row: current } = yield* find(actor.userId, name)
            if (patch.settings !== undefined) {
              yield* checkSettings(provider, current, patch.settings)
            }
            return yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const row = yield* repo.lock(actor.userId, provider.id)
                if (row === undefined) return yield* new NotConnected({ provider: provider.name })
                if (Object.keys(patch).length === 0) return row
                const settings = { ...row.settings, ...patch.settings }
                const status = statusAfter(row, patch.status)
                const changed = yield* repo.update(row, { settings, status })
                if (patch.status !== undefined && provider.hasWebhook) {
                  yield* webhooks.setActive(actor, provider.id, patch.status === "ACTIVE")
                }
                if (patch.status === "INACTIVE") yield* repo.endSync(row)
                yield* repo.announce(actor, actionOf(row, changed), row, { fields: Object.keys(patch.settings ?? {}) })
                return changed
              })
            ).pipe(Effect.flatMap(view))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        verify: Effect.fn("Integrations.verify")(
          function* (actor, name) {
            const { row } = yield* find(actor.userId, name)
            yield* checks.check(row)
            yield* transaction(actor.userId, repo.announce(actor, "integration.verified", row, {}))
            return yield* shown(actor.userId, name)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        fields: Effect.fn("Integrations.fields")(function* (userId, name) {
          const { provider, row } = yield* find(userId, name)
          if (provider.contacts === undefined) return yield* noContacts(provider)
          return (yield* checks.fields(row)).map((field) => new ProviderFieldInfo(field))
        }),

        managedWebhook: Effect.fn("Integrations.managedWebhook")(function* (userId, name) {
          const { provider } = yield* find(userId, name)
          const [webhook] = yield* webhooks.list(userId, provider.id)
          if (webhook === undefined) {
            return yield* new NotSupported({
              reason: `${provider.name} takes no events, so there is nothing to test it with`
            })
          }
          return webhook.id
        }),

        disconnect: Effect.fn("Integrations.disconnect")(
          function* (actor, name) {
            yield* disconnect(actor, yield* findAny(actor.userId, name))
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

/** A paused integration resumes to what it was, until its check, which comes at once, says something else. */
const statusAfter = (row: IntegrationRow, wanted: IntegrationPatch["status"]) => {
  if (wanted !== "ACTIVE") return wanted ?? row.status
  return row.lastError === null ? "ACTIVE" : "ERROR"
}

const actionOf = (before: IntegrationRow, after: IntegrationRow) => {
  if (before.status === after.status) return "integration.updated"
  return after.status === "INACTIVE" ? "integration.paused" : "integration.resumed"
}

/** The refusal for providers that have no contacts. */
export const noContacts = ({ name, hasFiles }: Provider) =>
  new NotSupported({
    reason: hasFiles
      ? `${name} takes all contacts as one file, which has every field, so there is nothing to map`
      : `${name} takes no contacts. It gets the user's events as they happen, so there is nothing to sync`
  })
