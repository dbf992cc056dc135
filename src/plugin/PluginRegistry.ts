import { Context, Effect, Layer, Option, Schema } from "effect"
import { ProviderId } from "../domain/Ids.ts"
import { UnknownProvider } from "../domain/IntegrationErrors.ts"
import { hostPattern } from "./Hosts.ts"
import { hasTokenFields } from "./OAuth.ts"
import { contractVersion, type Provider } from "./Provider.ts"

/** A plugin can't be used. It stops the start. */
export class PluginUnusable extends Schema.TaggedError<PluginUnusable>()("PluginUnusable", {
  /** The provider's id, or what `NEXUS_PLUGINS` calls the plugin. */
  plugin: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The plugin ${this.plugin} can't be used: ${this.reason}`
  }
}

/** The id that a name stands for: in any spelling of upper and lower case, with `-` for `_` as URLs have it. */
export const providerIdOf = (name: string): string => name.toUpperCase().replaceAll("-", "_")

/** Holds every provider whose plugin registered itself while the application's layers were built. */
export class PluginRegistry extends Context.Service<
  PluginRegistry,
  {
    /** Adds a provider; fails on a second claim of an id, another contract version, or a declaration that can't work. */
    register(provider: Provider): Effect.Effect<void, PluginUnusable>
    /** Finds a provider by its id, in the spellings of {@link providerIdOf}. */
    get(id: string): Effect.Effect<Provider, UnknownProvider>
    /** All of them, by id. */
    readonly all: Effect.Effect<ReadonlyArray<Provider>>
  }
>()("nexus/plugin/PluginRegistry") {
  static readonly layer = Layer.sync(PluginRegistry, () => {
    const providers = new Map<string, Provider>()
    const known = () => Array.from(providers.keys()).sort()

    return PluginRegistry.of({
      register: Effect.fnUntraced(function* (provider) {
        const slug = provider.oauth?.slug
        const reason = providers.has(provider.id)
          ? `another plugin has the id ${provider.id} already`
          : slug !== undefined && Array.from(providers.values()).some(({ oauth }) => oauth?.slug === slug)
            ? `another plugin has the OAuth slug ${slug} already`
            : problemOf(provider)
        if (reason !== undefined) return yield* new PluginUnusable({ plugin: provider.id, reason })
        providers.set(provider.id, provider)
      }),
      get: (id) =>
        Effect.fromOption(Option.fromUndefinedOr(providers.get(providerIdOf(id)))).pipe(
          Effect.mapError(() => new UnknownProvider({ id, known: known() }))
        ),
      all: Effect.sync(() => known().flatMap((id) => providers.get(id) ?? []))
    })
  })
}

const isProviderId = Schema.is(ProviderId)

const problemOf = ({ id, contract, hosts, credentials, oauth, contacts, limits }: Provider): string | undefined => {
  if (contract !== contractVersion) {
    return `it was written for version ${contract} of the plugin contract, and this is version ${contractVersion}`
  }
  if (!isProviderId(id)) return "its id is not upper case letters, digits and underscores"
  const host = Object.values(hosts)
    .flat()
    .find((declared) => !hostPattern.test(declared))
  if (host !== undefined)
    return `its host "${host}" is not of the form https://api.example.com or https://*.example.com`
  if (limits.concurrency < 1) return "its limits allow no request at all"
  if (contacts !== undefined && contacts.batchSize < 1) return "its batch size is below 1"
  if (oauth !== undefined && !/^[a-z][a-z0-9-]{1,31}$/.test(oauth.slug)) return "its OAuth slug is not lower case"
  if (oauth !== undefined && !hasTokenFields(credentials.fields)) {
    return "it has OAuth, and its credentials lack the fields of tokenFields(…)"
  }
  return undefined
}
