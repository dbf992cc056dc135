/** OAuth 2.0 (RFC 6749) of a provider as data: what users need to connect it in the browser, and to stay connected. */
import { type Duration, Schema } from "effect"
import { type FieldText, secret, text } from "./CredentialField.ts"

/** Texts by name: parameters, or fields of credentials. */
export type Texts = Readonly<Record<string, string>>

/** What a plugin declares about the provider's OAuth. The service does the rest: state, PKCE, exchange, refresh. */
export interface OAuth {
  /** What the paths call it, in lower case: `google` in `/integrations/oauth/google/authorize`. */
  readonly slug: string
  /** Who answers there. A callback that names another issuer is refused (RFC 9207). */
  readonly issuer: string
  /** Where the browser goes; on one of the declared hosts. */
  readonly authorizationUrl: string
  /**
   * Where codes and refresh tokens are exchanged; on one of the declared hosts. A function of the credentials' other
   * fields where it is not the same for all accounts.
   */
  readonly tokenUrl: string | ((fields: Texts) => string)
  readonly scopes: ReadonlyArray<string>
  /** Between scopes; a space, as RFC 6749 has it, unless this says otherwise. */
  readonly scopeSeparator?: ","
  /** Those of `scopes` without which the connection is of no use: a grant without one of them is refused. */
  readonly requiredScopes: ReadonlyArray<string>
  /** More parameters of the authorization URL. */
  readonly parameters?: Texts
  /** Whether the provider knows PKCE (RFC 7636), which is S256 then. */
  readonly pkce: boolean
  /**
   * `kept`: a refresh token is good until it is revoked; `rotated`: each refresh may bring a new one and end the old one,
   * so that a refresh whose answer was lost can't be repeated. Whatever comes is stored, and the old one is kept when
   * none comes.
   */
  readonly refreshTokens: "kept" | "rotated"
  /** Errors of the token endpoint that mean, as `invalid_grant` does, that the grant is over. */
  readonly grantErrors?: ReadonlyArray<string>
  /** How many access tokens a refresh token gives in any window of time. More are not asked for. */
  readonly refreshLimit?: { readonly limit: number; readonly window: Duration.Input }
  /** How long before its end an access token is renewed. */
  readonly margin: Duration.Input
  /** Names of the environment variables of the client that is registered with the provider. */
  readonly client: { readonly id: string; readonly secret: string; readonly redirectUri: string }
  /** Fields of the credentials that come with the callback beside `code`, `state`, `iss` and `scope`. */
  readonly fromCallback?: (parameters: Texts) => Texts
  /** Fields of the credentials that come with the tokens, beside `accessToken`, `refreshToken` and `expiresAt`. */
  readonly fromAnswer?: (answer: Readonly<Record<string, unknown>>) => Texts
  /**
   * Revokes a token (RFC 7009) when an integration ends; left out where the plugin's own `revoke` does. `query` and
   * `form` is where the token goes; `authenticated`, whether the client's id and secret go with it, in the form.
   */
  readonly revocation?: {
    readonly url: string | ((fields: Texts) => string)
    readonly sends: "query" | "form"
    readonly authenticated?: boolean
    /**
     * Whether the endpoint takes refresh tokens alone. Nothing is sent there when only an access token is given; a form
     * says what it brings (`token_type_hint`), which endpoints that take both have no need of and may not know.
     */
    readonly refreshTokensOnly?: boolean
  }
  /** Whether revoking a token ends all of the user's grants to this client, those of other integrations too. */
  readonly revokesGrant?: boolean
}

/** An instant in UTC as ISO 8601 has it, `2026-01-31T12:00:00Z`. */
const instant = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/

/**
 * The fields that the credentials of every plugin with {@link OAuth} have, to be spread into its own. `accessToken`
 * alone is enough to connect with a token from elsewhere, and lasts as long as that.
 */
export const tokenFields = (accessToken: FieldText) => ({
  accessToken: secret(accessToken),
  refreshToken: Schema.optionalKey(
    secret({
      title: "Refresh token",
      description:
        "With it the access token is renewed by itself. It has to be one of this service's own OAuth client.",
      example: "1//0gexample-of-a-refresh-token"
    })
  ),
  expiresAt: Schema.optionalKey(
    text(
      {
        title: "Expires at",
        description: "When the access token ends, in UTC.",
        example: "2026-01-31T12:00:00Z"
      },
      { pattern: instant, message: "Expected a time in UTC such as 2026-01-31T12:00:00Z" }
    )
  )
})

/** Whether a form has the fields of {@link tokenFields}. */
export const hasTokenFields = (fields: Schema.Struct.Fields): boolean =>
  ["accessToken", "refreshToken", "expiresAt"].every((name) => name in fields)
