/** How an integration comes to be, and to new credentials. */
import { Crypto, DateTime, Effect, Option, type Scope } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { IntegrationId } from "../domain/Ids.ts"
import type { NewIntegration, Settings } from "../domain/Integration.ts"
import { CredentialsRefused, CredentialsUncheckable, InvalidIntegration } from "../domain/IntegrationErrors.ts"
import { OAuthClients } from "../oauth/OAuthClients.ts"
import { fitting } from "../oauth/TokenAnswers.ts"
import { TokenEndpoint } from "../oauth/TokenEndpoint.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { type Account, hasOAuth, type Provider, type Session } from "../plugin/Provider.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { Sessions } from "../plugin/Sessions.ts"
import { ManagedWebhooks } from "../webhooks/ManagedWebhooks.ts"
import { inTime } from "./Checks.ts"
import { maskedUrl, refuse, split, validate } from "./ConnectForm.ts"
import { mappingFaults, mapsFields } from "./FieldMappingRules.ts"
import { IntegrationRepo, type IntegrationRow, type Trouble } from "./IntegrationRepo.ts"
import { type Credentials, StoredCredentials, texts } from "./StoredCredentials.ts"
import { passes, troubleOf } from "./Troubles.ts"

/** Makes what {@link Integrations.connect} does; fails with a `SqlError` when another request was quicker. */
export const makeConnecting = Effect.gen(function* () {
  const repo = yield* IntegrationRepo
  const registry = yield* PluginRegistry
  const sessions = yield* Sessions
  const stored = yield* StoredCredentials
  const clients = yield* OAuthClients
  const endpoint = yield* TokenEndpoint
  const webhooks = yield* ManagedWebhooks
  const crypto = yield* Crypto.Crypto
  const transaction = yield* makeUserTransactions

  /** Credentials from elsewhere may bring an access token that is over, and a refresh token that is not. */
  const renewed = Effect.fnUntraced(function* (provider: Provider, credentials: Credentials) {
    const fields = texts(credentials)
    const end = DateTime.make(fields.expiresAt ?? "")
    const isOver = Option.isSome(end) && DateTime.isLessThan(end.value, yield* DateTime.now)
    if (!hasOAuth(provider) || fields.refreshToken === undefined || !isOver) return credentials
    const client = yield* Effect.option(clients.of(provider))
    if (Option.isNone(client)) return credentials
    const { fields: given } = yield* endpoint.refresh(provider, client.value, fields)
    return yield* fitting(provider, { ...credentials, ...given })
  })

  /** Asks the provider about credentials that are not stored yet, and about the field mapping that comes with them. */
  const judge = Effect.fnUntraced(function* (
    provider: Provider,
    id: IntegrationId,
    credentials: Credentials,
    settings: Settings
  ): Effect.fn.Return<
    { readonly credentials: Credentials; readonly account: Account | null; readonly trouble: Trouble | null },
    CredentialsRefused | InvalidIntegration,
    Scope.Scope
  > {
    const judged = (usable: Credentials) => (error: ProviderError) => {
      const trouble = troubleOf(provider, error)
      return passes(trouble.kind)
        ? Effect.succeed({ credentials: usable, account: null, trouble })
        : Effect.fail(new CredentialsRefused({ reason: trouble.sentence, kind: trouble.kind }))
    }
    const ask = Effect.fnUntraced(
      function* (usable: Credentials) {
        const session = yield* Effect.orDie(sessions.open(provider, id, usable, split(settings).own))
        const account = yield* inTime(session.verify)
        yield* checkMapping(provider, session, settings)
        return { credentials: usable, account, trouble: null }
      },
      (effect, usable) => Effect.catchTag(effect, "ProviderError", judged(usable))
    )
    return yield* renewed(provider, credentials).pipe(
      Effect.flatMap(ask),
      Effect.catchTag("ProviderError", judged(credentials))
    )
  }, Effect.scoped)

  const checkMapping = Effect.fnUntraced(function* (provider: Provider, { contacts }: Session, settings: Settings) {
    if (contacts === undefined || !mapsFields(settings)) return
    yield* refuse(mappingFaults(provider, settings, yield* inTime(contacts.describeFields)))
  })

  /** The user's webhook for all events, where the provider takes them. */
  const manageWebhook = Effect.fnUntraced(function* (
    actor: Actor,
    provider: Provider,
    row: IntegrationRow,
    credentials: Credentials
  ) {
    if (!provider.hasWebhook) return
    const { webhook: url } = yield* Effect.scoped(
      sessions.open(provider, row.id, credentials, split(row.settings).own)
    ).pipe(Effect.orDie)
    yield* webhooks.delete(actor, provider.id)
    if (url === undefined) return
    const description = `All events, for ${provider.name}`
    yield* webhooks.create(actor, { url: maskedUrl(url), events: ["*"], description }, { by: provider.id, url })
  })

  return Effect.fnUntraced(function* (actor: Actor, { provider: name, credentials: given, settings }: NewIntegration) {
    const provider = yield* registry
      .get(name)
      .pipe(Effect.mapError(({ message }) => new InvalidIntegration({ errors: [{ path: "provider", message }] })))
    yield* validate(provider, { credentials: given, ...(settings === undefined ? {} : { settings }) })
    const old = yield* transaction(actor.userId, repo.find(actor.userId, provider.id))
    const id = old?.id ?? IntegrationId.make(yield* Effect.orDie(crypto.randomUUIDv7()))
    const owner = { id, userId: actor.userId, provider: provider.id }
    const wanted = { ...old?.settings, ...settings }
    const { credentials, account, trouble } = yield* judge(provider, id, given, wanted)
    if (old !== undefined && trouble !== null) return yield* new CredentialsUncheckable({ reason: trouble.what })
    const sealed = yield* stored.seal(owner, credentials)
    return yield* transaction(
      actor.userId,
      Effect.gen(function* () {
        const current = yield* repo.lock(actor.userId, provider.id)
        // Also where nobody knows which account it was: what is sent once more does no harm, what is not sent does.
        if (current !== undefined && current.accountId !== account?.id) {
          yield* repo.endSync(current)
          yield* repo.forgetSent(current)
        }
        const merged = { ...current?.settings, ...settings }
        const row = yield* repo.save(owner, { credentials: sealed, settings: merged, account, trouble })
        yield* manageWebhook(actor, provider, row, credentials)
        const action = old === undefined ? "integration.connected" : "integration.reconnected"
        yield* repo.announce(actor, action, row, { accountId: row.accountId, status: row.status })
        return row
      })
    )
  })
})
