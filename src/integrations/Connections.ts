import { Cache, Context, Duration, Effect, Exit, Layer, Redacted, type Scope } from "effect"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { hasOAuth, type Provider, type ProviderField, type Session } from "../plugin/Provider.ts"
import { misconfigured, type ProviderError, unavailable } from "../plugin/ProviderError.ts"
import { Sessions } from "../plugin/Sessions.ts"
import { split } from "./ConnectForm.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"
import { makeLastingSession } from "./LastingSession.ts"
import { type Credentials, StoredCredentials } from "./StoredCredentials.ts"

/** How long descriptions of fields are good for. */
const fieldsLive = "5 minutes"
/** Integrations whose fields are remembered. */
const mostRemembered = 1000

/** What a session is made from. */
type Connected = Pick<IntegrationRow, "id" | "userId" | "provider" | "connection" | "credentials" | "settings">

/** Sessions of integrations with their providers. */
export class Connections extends Context.Service<
  Connections,
  {
    /** A session of an integration, as long as the scope is open. Its access token is renewed where that can be. */
    session(row: Connected): Effect.Effect<Session, ProviderError, Scope.Scope>
    /** The fields that the provider's contacts have; what it said in the last five minutes, where it was asked. */
    fields(row: Connected): Effect.Effect<ReadonlyArray<ProviderField>, ProviderError>
  }
>()("nexus/integrations/Connections") {
  static readonly layer = Layer.effect(
    Connections,
    Effect.gen(function* () {
      const registry = yield* PluginRegistry
      const sessions = yield* Sessions
      const stored = yield* StoredCredentials
      const lasting = yield* makeLastingSession

      const provider = (row: Connected): Effect.Effect<Provider, ProviderError> =>
        Effect.mapError(registry.get(row.provider), () =>
          unavailable(`the plugin ${row.provider} is not installed; add it to NEXUS_PLUGINS again`)
        )

      const session = Effect.fn("Connections.session")(function* (row: Connected) {
        const credentials = yield* stored.open(row)
        const found = yield* provider(row)
        const { own } = split(row.settings)
        const open = (opened: Redacted.Redacted<Credentials>) =>
          sessions
            .open(found, row.id, Redacted.value(opened), own)
            .pipe(
              Effect.catchTag("SchemaError", () =>
                Effect.fail(misconfigured("the stored credentials or settings no longer fit its form. Connect again"))
              )
            )
        return yield* hasOAuth(found) ? lasting(found, row, credentials, open) : open(credentials)
      })

      const known = yield* Cache.makeWith(
        (row: Connected) =>
          Effect.scoped(Effect.flatMap(session(row), ({ contacts }) => contacts?.describeFields ?? Effect.succeed([]))),
        {
          capacity: mostRemembered,
          timeToLive: (exit) => (Exit.isSuccess(exit) ? fieldsLive : Duration.zero)
        }
      )

      return Connections.of({
        session,
        // New credentials or settings are another key, so what was remembered for the old ones is not found.
        fields: Effect.fn("Connections.fields")(function* ({
          id,
          userId,
          provider,
          connection,
          credentials,
          settings
        }) {
          return yield* Cache.get(known, { id, userId, provider, connection, credentials, settings })
        })
      })
    })
  )
}
