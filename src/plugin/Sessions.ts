import { Context, Effect, Layer, Option, RcMap, Redacted, type Schema, type Scope } from "effect"
import type { IntegrationId } from "../domain/Ids.ts"
import { Egress } from "../egress/Egress.ts"
import { type Hosts, makeAllHosts, makeHosts } from "./Hosts.ts"
import { Memories } from "./Memory.ts"
import { makePace } from "./Pace.ts"
import { PluginRegistry } from "./PluginRegistry.ts"
import type { Provider, Session } from "./Provider.ts"
import { makeProviderHttp } from "./ProviderHttp.ts"

/** For how long the pace of an integration is remembered after its last request. */
const paceMemory = "5 minutes"

/** Opens sessions: a provider's functions for one integration, with a client that keeps to the integration's limits. */
export class Sessions extends Context.Service<
  Sessions,
  {
    /**
     * Its client, and the URL that events go to, are pointed elsewhere where a `NEXUS_HOST_*` variable says so.
     *
     * @param credentials decoded JSON, as it was posted; it and the settings have to fit the plugin's schemas
     */
    open(
      provider: Provider,
      integration: IntegrationId,
      credentials: unknown,
      settings: unknown
    ): Effect.Effect<Session, Schema.SchemaError, Scope.Scope>
  }
>()("nexus/plugin/Sessions") {
  /** Reads the `NEXUS_HOST_*` variables of all registered plugins; a wrong one fails here. */
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const egress = yield* Egress
      const registry = yield* PluginRegistry
      const memories = yield* Memories
      const providers = yield* registry.all
      const hosts = yield* makeAllHosts(providers)

      // One for each integration, so that its sessions share what the provider allows it.
      const paces = yield* RcMap.make({
        lookup: (key: string) => {
          const provider = providers.find(({ id }) => key.startsWith(`${id} `))
          return provider === undefined
            ? Effect.die(new Error(`No provider is registered for ${key}`))
            : makePace(provider.limits)
        },
        idleTimeToLive: paceMemory
      })

      return Sessions.of({
        open: Effect.fn("Sessions.open")(function* (provider, integration, credentials, settings) {
          const pace = yield* RcMap.get(paces, `${provider.id} ${integration}`)
          const own = hosts.get(provider.id) ?? (yield* Effect.orDie(makeHosts(provider.id, provider.hosts)))
          const http = yield* makeProviderHttp(provider, own, pace).pipe(Effect.provideService(Egress, egress))
          const session = yield* provider.session(credentials, settings, { http, memory: memories.of(integration) })
          return { ...session, webhook: session.webhook && routed(own, session.webhook) }
        })
      })
    })
  )
}

/** A URL that the plugin gives away instead of asking for it. One that leads to no declared host stays: every dial judges it. */
const routed = (hosts: Hosts, url: Redacted.Redacted<string>) =>
  Option.match(hosts.route(new URL(Redacted.value(url))), {
    onNone: () => url,
    onSome: (route) => Redacted.make(route.url.href)
  })
