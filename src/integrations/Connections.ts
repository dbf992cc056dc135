import { Cache, Context, Duration, Effect, Exit, Layer, Redacted, Schema, type Scope } from "effect"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { Provider, ProviderField, Session } from "../plugin/Provider.ts"
import { misconfigured, type ProviderError, unauthorized, unavailable } from "../plugin/ProviderError.ts"
import { Sessions } from "../plugin/Sessions.ts"
import { type Sealed, Vault } from "../vault/Vault.ts"
import { split } from "./ConnectForm.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"

/** The fields of a connect form, as JSON: what is sealed. */
export type Credentials = Readonly<Record<string, unknown>>

/** How long descriptions of fields are good for. */
const fieldsLive = "5 minutes"
/** Integrations whose fields are remembered. */
const mostRemembered = 1000

type Owner = Pick<IntegrationRow, "id" | "userId" | "provider">
/** What a session is made from. */
type Connected = Pick<IntegrationRow, "id" | "userId" | "provider" | "credentials" | "settings">

/** The place of an integration's credentials in the vault. */
export const credentialsPlace = ({ id, userId, provider }: Owner) => ({
  table: "integration",
  row: id,
  user: userId,
  provider,
  field: "credentials"
})

/** Integrations, opened: their credentials, and sessions with their providers. */
export class Connections extends Context.Service<
  Connections,
  {
    seal(owner: Owner, credentials: Credentials): Effect.Effect<Sealed>
    /** The credentials of an integration; a `ProviderError` says that they can't be opened any more. */
    credentials(row: Connected): Effect.Effect<Redacted.Redacted<Credentials>, ProviderError>
    /** A session of an integration, as long as the scope is open. */
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
      const vault = yield* Vault

      const credentials = Effect.fn("Connections.credentials")(function* (row: Connected) {
        return yield* vault.open(row.credentials, credentialsPlace(row)).pipe(
          Effect.flatMap((opened) => Effect.orDie(decode(Redacted.value(opened)))),
          Effect.map((opened) => Redacted.make(opened)),
          Effect.tapErrorTag("SealBroken", (broken) =>
            Effect.logError("The credentials of an integration can't be opened", broken)
          ),
          Effect.catchTag("SealBroken", () =>
            Effect.fail(unauthorized("the stored credentials can't be opened any more"))
          )
        )
      })

      const provider = (row: Connected): Effect.Effect<Provider, ProviderError> =>
        Effect.mapError(registry.get(row.provider), () =>
          unavailable(`the plugin ${row.provider} is not installed; add it to NEXUS_PLUGINS again`)
        )

      const session = Effect.fn("Connections.session")(function* (row: Connected) {
        const opened = yield* credentials(row)
        const { own } = split(row.settings)
        return yield* sessions
          .open(yield* provider(row), row.id, Redacted.value(opened), own)
          .pipe(
            Effect.catchTag("SchemaError", () =>
              Effect.fail(misconfigured("the stored credentials or settings no longer fit its form. Connect again"))
            )
          )
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
        seal: (owner, credentials) => vault.seal(Redacted.make(JSON.stringify(credentials)), credentialsPlace(owner)),
        credentials,
        session,
        // New credentials or settings are another key, so what was remembered for the old ones is not found.
        fields: Effect.fn("Connections.fields")(function* ({ id, userId, provider, credentials, settings }) {
          return yield* Cache.get(known, { id, userId, provider, credentials, settings })
        })
      })
    })
  )
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
