import { Context, Effect, Layer, Redacted, Schema } from "effect"
import type { Texts } from "../plugin/OAuth.ts"
import { type ProviderError, unauthorized } from "../plugin/ProviderError.ts"
import { type Sealed, Vault } from "../vault/Vault.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"

/** The fields of a connect form, as JSON: what is sealed. */
export type Credentials = Readonly<Record<string, unknown>>

type Owner = Pick<IntegrationRow, "id" | "userId" | "provider">

/** The place of an integration's credentials in the vault. */
export const credentialsPlace = ({ id, userId, provider }: Owner) => ({
  table: "integration",
  row: id,
  user: userId,
  provider,
  field: "credentials"
})

/** The credentials of integrations, as they lie in the database. */
export class StoredCredentials extends Context.Service<
  StoredCredentials,
  {
    seal(owner: Owner, credentials: Credentials): Effect.Effect<Sealed>
    /** A `ProviderError` says that they can't be opened any more. */
    open(row: Owner & Pick<IntegrationRow, "credentials">): Effect.Effect<Redacted.Redacted<Credentials>, ProviderError>
  }
>()("nexus/integrations/StoredCredentials") {
  static readonly layer = Layer.effect(
    StoredCredentials,
    Effect.gen(function* () {
      const vault = yield* Vault

      return StoredCredentials.of({
        seal: (owner, credentials) => vault.seal(Redacted.make(JSON.stringify(credentials)), credentialsPlace(owner)),
        open: Effect.fn("StoredCredentials.open")(function* (row) {
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
      })
    })
  )
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The fields that are texts, which those of tokens are. */
export const texts = (credentials: Credentials): Texts =>
  Object.fromEntries(
    Object.entries(credentials).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []))
  )
