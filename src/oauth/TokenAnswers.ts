/** What authorization servers say, read with the library's eyes and with a few more. */
import { DateTime, Duration, Effect, Option, Schema } from "effect"
import * as oauth from "oauth4webapi"
import type { Credentials } from "../integrations/StoredCredentials.ts"
import type { Texts } from "../plugin/OAuth.ts"
import type { OAuthProvider, Provider } from "../plugin/Provider.ts"
import { ProviderError, unavailable } from "../plugin/ProviderError.ts"

/** A token that lasts longer is taken for one that lasts ten years. */
const longestSeconds = 315_360_000

/** A callback that brings no tokens. */
export class CallbackRefused extends Schema.TaggedError<CallbackRefused>()("CallbackRefused", {
  /**
   * `denied`: the user said no; `provider_error`: the provider did, for another reason; `issuer`: it comes from another
   * server than the one that was asked; `code`: its code is good for nothing.
   */
  reason: Schema.Literals(["denied", "provider_error", "issuer", "code"]),
  /** The provider's word for it, such as `access_denied`; of letters, digits and underscores. */
  error: Schema.String
}) {}

/** An exchange that brought no tokens, with whatever says why: the library's words, or a `ProviderError`. */
export class NoTokens extends Schema.TaggedError<NoTokens>()("NoTokens", { cause: Schema.Defect() }) {}

/** What a provider gave. */
export interface Tokens {
  /** Fields of the plugin's credentials. */
  readonly fields: Texts
  /** What was granted; undefined where the provider doesn't say, which means all that was asked for. */
  readonly scopes: ReadonlyArray<string> | undefined
}

const Answered = Schema.fromJsonString(
  Schema.Struct({ error: Schema.optionalKey(Schema.String), access_token: Schema.optionalKey(Schema.String) })
)
const decodeAnswered = Schema.decodeOption(Answered)

/** An answer as the library takes it: some servers say 200 to what they refuse. */
export const responseOf = ({ status, headers, body }: { status: number; headers: Texts; body: string }) => {
  const said = decodeAnswered(body)
  const isRefused = Option.isSome(said) && said.value.error !== undefined && said.value.access_token === undefined
  const { "www-authenticate": _, ...others } = headers
  return new Response([204, 205, 304].includes(status) ? null : body, {
    status: status === 200 && isRefused ? 400 : status,
    headers: others
  })
}

/** The provider's word for what is wrong, if it is one that can be repeated. */
export const errorOf = (cause: unknown): string => {
  const said =
    cause instanceof oauth.ResponseBodyError || cause instanceof oauth.AuthorizationResponseError ? cause.error : ""
  return /^[A-Za-z0-9_]{1,64}$/.test(said) ? said : "unknown"
}

export const isOver = ({ oauth: { grantErrors = [] } }: OAuthProvider, cause: unknown): boolean =>
  ["invalid_grant", ...grantErrors].includes(errorOf(cause))

/** Nothing of what is left is the user's fault, and all of it may pass. */
export const failureOf = ({ name }: Provider, cause: unknown): ProviderError => {
  if (cause instanceof ProviderError) return cause
  const error = errorOf(cause)
  if (isClients(error))
    return unavailable(`${name} does not know this service any more; its operator has to look at that`)
  return unavailable(
    error === "unknown"
      ? `${name} answered in a way that can't be read when it was asked for a token`
      : `${name} gives no token at the moment (${error})`
  )
}

/** Errors that are about the service's own registration (RFC 6749, section 5.2). */
const isClients = (error: string) => ["invalid_client", "unauthorized_client"].includes(error)

/** Only the operator can mend their registration, and no user tells them. */
export const alarm = ({ name, oauth: { client } }: OAuthProvider, cause: unknown) =>
  isClients(errorOf(cause))
    ? Effect.logError(`${name} refuses the OAuth client of this service. Look at ${client.id} and ${client.secret}`)
    : Effect.void

export const refusalOf = (cause: unknown): CallbackRefused => {
  if (!(cause instanceof oauth.AuthorizationResponseError))
    return new CallbackRefused({ reason: "issuer", error: "unknown" })
  const error = errorOf(cause)
  return new CallbackRefused({ reason: error === "access_denied" ? "denied" : "provider_error", error })
}

/**
 * Credentials with what a provider gave in their place, if they still fit its form: nothing that no request could carry
 * takes the place of a refresh token that works.
 */
export const fitting = Effect.fnUntraced(function* (
  { name, credentials: form }: Provider,
  credentials: Credentials
): Effect.fn.Return<Credentials, ProviderError> {
  yield* Schema.decodeUnknownEffect(form)(credentials).pipe(
    Effect.mapError(() => unavailable(`${name} answered with a token that can't be used`))
  )
  return credentials
})

export const tokensOf = Effect.fnUntraced(function* (
  { oauth: { fromAnswer } }: OAuthProvider,
  answer: oauth.TokenEndpointResponse,
  fromCallback: Texts
) {
  const now = yield* DateTime.now
  const { access_token, refresh_token, expires_in, scope } = answer
  const own = yield* Effect.try({
    try: () => fromAnswer?.(answer) ?? {},
    catch: () => unavailable("The answer that brought the tokens is not what its API promises")
  })
  const listed = Array.isArray(answer.scopes) ? answer.scopes.filter((one) => typeof one === "string") : undefined
  return {
    fields: {
      ...fromCallback,
      ...own,
      accessToken: access_token,
      ...(refresh_token === undefined ? {} : { refreshToken: refresh_token }),
      ...(expires_in === undefined
        ? {}
        : {
            expiresAt: DateTime.formatIso(
              DateTime.addDuration(now, Duration.seconds(Math.min(expires_in, longestSeconds)))
            )
          })
    },
    scopes: scope === undefined ? listed : scope.split(/[ ,]+/).filter((one) => one !== "")
  } satisfies Tokens
})
