import { Config, Context, Effect, Layer, Option, Redacted } from "effect"
import { OAuthNotConfigured } from "../domain/OAuthErrors.ts"
import { publicUrl } from "../PublicUrl.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { Provider } from "../plugin/Provider.ts"

/** How this service is registered with a provider. */
export interface OAuthClient {
  readonly id: string
  readonly secret: Redacted.Redacted<string>
  /** Where the provider sends browsers back to; the same to the letter as is registered. */
  readonly redirectUri: string
}

/** What an operator needs to know of a provider's OAuth client. */
export interface OAuthSetup {
  readonly redirectUri: string
  /** The variables that are not set. */
  readonly missing: ReadonlyArray<string>
}

/** The OAuth clients of this service, which the variables that plugins name describe. */
export class OAuthClients extends Context.Service<
  OAuthClients,
  {
    of(provider: Provider): Effect.Effect<OAuthClient, OAuthNotConfigured>
    /** Undefined for a provider without OAuth. */
    setup(provider: Provider): OAuthSetup | undefined
  }
>()("nexus/oauth/OAuthClients") {
  static readonly layer = Layer.effect(
    OAuthClients,
    Effect.gen(function* () {
      const registry = yield* PluginRegistry
      const known = new Map<string, { readonly client: OAuthClient | undefined; readonly setup: OAuthSetup }>()
      for (const { id, oauth } of yield* registry.all) {
        if (oauth === undefined) continue
        const { client } = oauth
        const clientId = yield* variable(client.id)
        const secret = yield* variable(client.secret)
        const redirectUri = Option.getOrUndefined(yield* variable(client.redirectUri))
        const setup = {
          redirectUri: redirectUri ?? `${yield* publicUrl}/integrations/oauth/${oauth.slug}/callback`,
          missing: [...(Option.isNone(clientId) ? [client.id] : []), ...(Option.isNone(secret) ? [client.secret] : [])]
        }
        known.set(id, {
          setup,
          client:
            Option.isSome(clientId) && Option.isSome(secret)
              ? { id: clientId.value, secret: Redacted.make(secret.value), redirectUri: setup.redirectUri }
              : undefined
        })
      }

      return OAuthClients.of({
        of: ({ id, name }) => {
          const found = known.get(id)
          if (found?.client !== undefined) return Effect.succeed(found.client)
          const { missing = [], redirectUri = "" } = found?.setup ?? {}
          return Effect.fail(new OAuthNotConfigured({ provider: name, missing, redirectUri }))
        },
        setup: ({ id }) => known.get(id)?.setup
      })
    })
  )
}

/** A variable that is set to nothing is not set, as in a file of variables that waits to be filled in. */
const variable = (name: string) =>
  Config.String(name).pipe(Config.option, Effect.map(Option.filter((text) => text.trim() !== "")))
