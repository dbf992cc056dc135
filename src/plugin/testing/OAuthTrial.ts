/** The service's own OAuth beside a stand, with this process's memory in the place of the database. */
import { ConfigProvider, Context, Effect, Layer, Option, Redacted, Scope } from "effect"
import { IntegrationId, UserId } from "../../domain/Ids.ts"
import { Egress } from "../../egress/Egress.ts"
import { makeLastingSession } from "../../integrations/LastingSession.ts"
import { type Credentials, StoredCredentials } from "../../integrations/StoredCredentials.ts"
import { OAuthClients } from "../../oauth/OAuthClients.ts"
import { RefreshRepo } from "../../oauth/RefreshRepo.ts"
import { TokenEndpoint } from "../../oauth/TokenEndpoint.ts"
import { TokenRefresh } from "../../oauth/TokenRefresh.ts"
import { Sealed } from "../../vault/Vault.ts"
import { hostVariable } from "../Hosts.ts"
import type { Texts } from "../OAuth.ts"
import { PluginRegistry } from "../PluginRegistry.ts"
import type { OAuthProvider } from "../Provider.ts"
import { unavailable } from "../ProviderError.ts"
import { CheckFailed } from "./Check.ts"
import type { EmulatedOAuth } from "./EmulatedOAuth.ts"
import type { Stand } from "./Stand.ts"

const state = Redacted.make("a-state-that-is-as-good-as-another-0000000000")
const verifier = Redacted.make("a-verifier-that-is-as-good-as-another-0000000")
/** SHA-256 of the verifier (RFC 7636, section 4.2). */
const challenge = "wLoI5lNGstA14tIoS903r19f7YffP5onDqjIzI2ADmw"

const integration = {
  id: IntegrationId.make("00000000-0000-7000-8000-000000000001"),
  userId: UserId.make("user"),
  connection: "00000000-0000-4000-8000-000000000001"
}

/** Credentials as they are, and who refreshes them. */
const memory = Effect.sync(() => {
  let credentials = Sealed.make("{}")
  let held: string | undefined
  let leases = 1
  const current = () => ({ connection: integration.connection, credentials })
  const repo = RefreshRepo.of({
    current: () => Effect.sync(current),
    claim: () =>
      Effect.sync(() => {
        if (held !== undefined) return undefined
        held = String(leases++)
        return { ...current(), lease: held }
      }),
    save: (_, { lease }, renewed) =>
      Effect.sync(() => {
        if (held !== lease) return false
        credentials = renewed
        return true
      }),
    release: (_, lease) =>
      Effect.sync(() => {
        if (held === lease) held = undefined
      })
  })
  const stored = StoredCredentials.of({
    seal: (_, plain) => Effect.succeed(Sealed.make(JSON.stringify(plain))),
    open: ({ credentials: sealed }) =>
      Effect.map(Effect.orDie(Effect.try(() => JSON.parse(sealed))), (opened: Credentials) => Redacted.make(opened))
  })
  const keep = (fresh: Credentials) =>
    Effect.sync(() => {
      credentials = Sealed.make(JSON.stringify(fresh))
    })
  return { repo, stored, keep }
})

/** What a trial of a plugin's OAuth is made with; none when the plugin has none. */
export const tryOAuth = <E>(made: Effect.Effect<Stand, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const stand = yield* made
    const { provider, emulator, server } = stand
    if (provider.oauth === undefined) return Option.none()
    const own: OAuthProvider = { ...provider, oauth: provider.oauth }
    const emulated: EmulatedOAuth | undefined = emulator.oauth
    if (emulated === undefined) {
      return yield* new CheckFailed({
        expected: "A plugin with OAuth has an emulator with OAuth.",
        happened: "The emulator has none.",
        advice: "Give the emulator a member oauth, made with emulatedOAuth."
      })
    }
    const { client: names } = own.oauth
    const environment = ConfigProvider.fromUnknown({
      [names.id]: emulated.client.id,
      [names.secret]: emulated.client.secret,
      ...Object.fromEntries(emulator.hosts.map((name) => [hostVariable(provider.id, name), server.url]))
    })
    const { repo, stored, keep } = yield* memory
    const registry = Layer.effectDiscard(Effect.flatMap(PluginRegistry, ({ register }) => register(provider)))
    const services = yield* Layer.build(
      Layer.mergeAll(OAuthClients.layer, TokenEndpoint.layer).pipe(
        Layer.provide(registry.pipe(Layer.provideMerge(PluginRegistry.layer))),
        Layer.provide([Egress.layerDevelopment, ConfigProvider.layer(environment)])
      )
    ).pipe(Effect.orDie)
    const endpoint = Context.get(services, TokenEndpoint)
    const client = yield* Effect.orDie(Context.get(services, OAuthClients).of(provider))
    emulated.register(client.redirectUri)

    /** A process of its own: it shares nothing with another one but what is stored. */
    const openProcess = Effect.gen(function* () {
      const scope = yield* Effect.scope
      const context = yield* Layer.build(
        Layer.fresh(TokenRefresh.layer).pipe(
          Layer.provide(Layer.succeed(RefreshRepo, repo)),
          Layer.provide(Layer.succeed(StoredCredentials, stored)),
          Layer.provide(Layer.succeedContext(services))
        )
      )
      const lasting = yield* Effect.provide(makeLastingSession, context)
      const { renew } = Context.get(context, TokenRefresh)
      const row = { ...integration, provider: provider.id }
      const open = (credentials: Credentials) =>
        lasting(own, row, Redacted.make(credentials), (opened) =>
          stand
            .session(Object.fromEntries(Object.entries(Redacted.value(opened)).map(([k, v]) => [k, String(v)])))
            .pipe(Effect.mapError(() => unavailable("the credentials don't fit the form")))
        ).pipe(Scope.provide(scope))
      return { open, renew: (stale: unknown) => renew(own, row, stale) }
    })

    return Option.some({
      ...stand,
      oauth: own.oauth,
      emulated,
      endpoint,
      client,
      own,
      keep,
      openProcess,
      /** Where a browser is sent. */
      authorizationUrl: endpoint.authorizationUrl(own, client, {
        state,
        challenge: own.oauth.pkce ? challenge : undefined
      }),
      /** What the service does with where the browser comes back to. */
      exchange: (back: string) =>
        endpoint.exchange(own, client, {
          parameters: new URL(back).searchParams,
          state,
          verifier: own.oauth.pkce ? verifier : undefined
        })
    })
  })

/** What a trial of OAuth is made with. */
export type OAuthTrial = Option.Option.Value<Effect.Success<ReturnType<typeof tryOAuth>>>

/** A user who has consented: the fields of their credentials, which are stored. */
export const connected = Effect.fnUntraced(function* ({ emulated, authorizationUrl, exchange, keep }: OAuthTrial) {
  const { fields } = yield* exchange(emulated.consent(yield* authorizationUrl))
  yield* keep(fields)
  const texts: Texts = fields
  return texts
})
