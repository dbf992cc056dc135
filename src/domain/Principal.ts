import { Schema } from "effect"

/** What a token may do beyond acting for its own user: `service` for any user it names, `admin` for everyone's things. */
export const TokenScope = Schema.Literals(["service", "admin"])
export type TokenScope = typeof TokenScope.Type

/** Who makes a request, as its token says. */
export class Principal extends Schema.Class<Principal>("Principal")({
  /** The token's `sub`: 1 to 255 characters, none a control character or half a surrogate pair (Postgres stores neither). */
  userId: Schema.String.check(Schema.isPattern(/^[^\p{Cc}\p{Cs}]{1,255}$/u)),
  /** The scopes that this service knows; others in the token are left out. */
  scopes: Schema.Array(TokenScope)
}) {
  /** Whether the token carries this scope. */
  has(scope: TokenScope): boolean {
    return this.scopes.includes(scope)
  }
}
