/** The conversation with a provider's authorization server (RFC 6749), through the door that every request takes. */
import { Context, DateTime, Duration, Effect, Layer, Option, Redacted, Schema } from "effect"
import * as oauth from "oauth4webapi"
import { Egress } from "../egress/Egress.ts"
import { type Hosts, makeHosts } from "../plugin/Hosts.ts"
import type { OAuth, Texts } from "../plugin/OAuth.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { Provider } from "../plugin/Provider.ts"
import { misconfigured, ProviderError, rateLimited, unauthorized, unavailable } from "../plugin/ProviderError.ts"
import type { OAuthClient } from "./OAuthClients.ts"

/** How long an authorization server may take. */
const timeout = "20 seconds"
/** A token that lasts longer is taken for one that lasts ten years. */
const longestSeconds = 315_360_000
/** Bytes of its answers. */
const maxBody = 65_536

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

/** What a provider gave. */
export interface Tokens {
  /** Fields of the plugin's credentials. */
  readonly fields: Texts
  /** What was granted; undefined where the provider doesn't say, which means all that was asked for. */
  readonly scopes: ReadonlyArray<string> | undefined
}

/** A callback, and what its flow began with. */
export interface Callback {
  readonly parameters: URLSearchParams
  readonly state: Redacted.Redacted<string>
  readonly verifier: Redacted.Redacted<string> | undefined
}

/** A provider that has OAuth. */
export type OAuthProvider = Provider & { readonly oauth: OAuth }

export class TokenEndpoint extends Context.Service<
  TokenEndpoint,
  {
    /** Where the browser goes, pointed elsewhere where a `NEXUS_HOST_*` variable says so. */
    authorizationUrl(
      provider: OAuthProvider,
      client: OAuthClient,
      flow: { readonly state: Redacted.Redacted<string>; readonly challenge: string | undefined }
    ): Effect.Effect<string, ProviderError>
    /** Exchanges the code of a callback, whose state is known to be ours. */
    exchange(
      provider: OAuthProvider,
      client: OAuthClient,
      callback: Callback
    ): Effect.Effect<Tokens, CallbackRefused | ProviderError>
    /**
     * Exchanges a refresh token. `Unauthorized` when the provider says that the grant is over; whatever else goes wrong
     * may pass.
     *
     * @param fields the credentials, with their refresh token
     */
    refresh(provider: OAuthProvider, client: OAuthClient, fields: Texts): Effect.Effect<Tokens, ProviderError>
    /**
     * Ends a grant, by its refresh token where there is one. One that is over already is a success.
     *
     * @param client needed only where the provider wants to know who asks
     */
    revoke(provider: OAuthProvider, client: OAuthClient | undefined, fields: Texts): Effect.Effect<void, ProviderError>
  }
>()("nexus/oauth/TokenEndpoint") {
  static readonly layer = Layer.effect(
    TokenEndpoint,
    Effect.gen(function* () {
      const egress = yield* Egress
      const registry = yield* PluginRegistry
      const hosts = new Map<string, Hosts>()
      for (const { id, hosts: declared } of yield* registry.all) hosts.set(id, yield* makeHosts(id, declared))

      const routed = Effect.fnUntraced(function* ({ id, name }: Provider, wanted: string) {
        const url = URL.parse(wanted)
        const route = url === null ? Option.none() : (hosts.get(id)?.route(url) ?? Option.none())
        if (Option.isSome(route)) return route.value
        return yield* misconfigured(`${url?.host ?? wanted} is none of the hosts that the plugin of ${name} may reach`)
      })

      const send = Effect.fnUntraced(function* (
        provider: Provider,
        wanted: string,
        form: URLSearchParams,
        headers: Readonly<Record<string, string>> = {}
      ) {
        const { url, forwardedHost } = yield* routed(provider, wanted)
        const answer = yield* egress
          .request({
            url: url.href,
            method: "POST",
            headers: {
              "content-type": "application/x-www-form-urlencoded",
              ...headers,
              ...(forwardedHost === null ? {} : { "x-forwarded-host": forwardedHost })
            },
            body: form.toString(),
            timeout,
            maxBody
          })
          .pipe(
            Effect.catchTag("EgressError", ({ message }) =>
              Effect.fail(unavailable(`${provider.name} can't be reached: ${message}`))
            )
          )
        const now = yield* DateTime.now
        const throttle = provider.limits.throttled(answer, now)
        if (throttle === undefined) return answer
        const wait = throttle.retryAfter === undefined ? undefined : Duration.fromInputUnsafe(throttle.retryAfter)
        const until = wait === undefined ? null : DateTime.addDuration(now, wait)
        return yield* rateLimited(`${provider.name} gives no more tokens for the moment`, until)
      })

      const run = Effect.runPromiseWith(yield* Effect.context())
      /** Lets the library speak through our door. Fails with what it found wrong, or with a `ProviderError`. */
      const talk = (
        provider: OAuthProvider,
        speak: (options: oauth.TokenEndpointRequestOptions) => Promise<oauth.TokenEndpointResponse>
      ) =>
        Effect.tryPromise({
          try: (signal) =>
            speak({
              [oauth.customFetch]: (url, { body, headers }) =>
                run(Effect.map(send(provider, url, body, headers), responseOf), { signal })
            }),
          catch: (cause) => cause
        }).pipe(Effect.tapError((cause) => alarm(provider, cause)))

      return TokenEndpoint.of({
        authorizationUrl: Effect.fn("TokenEndpoint.authorizationUrl")(function* (provider, client, flow) {
          const { authorizationUrl, scopes, scopeSeparator = " ", parameters = {} } = provider.oauth
          const { url } = yield* routed(provider, authorizationUrl)
          const query = new URLSearchParams({
            response_type: "code",
            client_id: client.id,
            redirect_uri: client.redirectUri,
            scope: scopes.join(scopeSeparator),
            ...parameters,
            state: Redacted.value(flow.state),
            ...(flow.challenge === undefined ? {} : { code_challenge: flow.challenge, code_challenge_method: "S256" })
          })
          // Some servers take a plus for a plus.
          return `${url.href}?${query.toString().replaceAll("+", "%20")}`
        }),

        exchange: Effect.fn("TokenEndpoint.exchange")(function* (provider, client, { parameters, state, verifier }) {
          // What the plugin makes of a callback, which anybody can have written.
          const { fromCallback, server } = yield* Effect.try({
            try: () => {
              const fromCallback = provider.oauth.fromCallback?.(Object.fromEntries(parameters)) ?? {}
              return { fromCallback, server: serverOf(provider, fromCallback) }
            },
            catch: () => new CallbackRefused({ reason: "issuer", error: "unknown" })
          })
          const own = { client_id: client.id }
          const valid = yield* Effect.try({
            try: () => oauth.validateAuthResponse(server, own, parameters, Redacted.value(state)),
            catch: refusalOf
          })
          if (!valid.has("code")) return yield* new CallbackRefused({ reason: "code", error: "unknown" })
          const answer = yield* talk(provider, async (options) => {
            const response = await oauth.authorizationCodeGrantRequest(
              server,
              own,
              oauth.ClientSecretPost(Redacted.value(client.secret)),
              valid,
              client.redirectUri,
              verifier === undefined ? oauth.nopkce : Redacted.value(verifier),
              options
            )
            return await oauth.processAuthorizationCodeResponse(server, own, response)
          }).pipe(
            Effect.mapError((cause) =>
              isOver(provider, cause) || errorOf(cause) === "redirect_uri_mismatch"
                ? new CallbackRefused({ reason: "code", error: errorOf(cause) })
                : failureOf(provider, cause)
            )
          )
          return yield* tokensOf(provider, answer, fromCallback)
        }),

        refresh: Effect.fn("TokenEndpoint.refresh")(function* (provider, client, fields) {
          const server = serverOf(provider, fields)
          const own = { client_id: client.id }
          const answer = yield* talk(provider, async (options) => {
            const response = await oauth.refreshTokenGrantRequest(
              server,
              own,
              oauth.ClientSecretPost(Redacted.value(client.secret)),
              fields.refreshToken ?? "",
              options
            )
            return await oauth.processRefreshTokenResponse(server, own, response)
          }).pipe(
            Effect.mapError((cause) =>
              isOver(provider, cause)
                ? unauthorized("the access was withdrawn there, or has expired")
                : failureOf(provider, cause)
            )
          )
          return yield* tokensOf(provider, answer, {})
        }),

        revoke: Effect.fn("TokenEndpoint.revoke")(function* (provider, client, fields) {
          const { revocation } = provider.oauth
          if (revocation === undefined) return
          const { url, sends, authenticated = false } = revocation
          const token = fields.refreshToken ?? fields.accessToken ?? ""
          const form = new URLSearchParams(
            authenticated && client !== undefined
              ? { client_id: client.id, client_secret: Redacted.value(client.secret) }
              : {}
          )
          const target = new URL(typeof url === "string" ? url : url(fields))
          const to = sends === "query" ? target.searchParams : form
          to.set("token", token)
          if (sends === "form" && fields.refreshToken !== undefined) to.set("token_type_hint", "refresh_token")
          const { status } = yield* send(provider, target.href, form)
          // 400: a token that is good for nothing any more is what was asked for.
          if (status < 300 || status === 400) return
          return yield* unavailable(`${provider.name} did not revoke the access (status ${status})`)
        })
      })
    })
  )
}

const serverOf = ({ oauth: { issuer, tokenUrl } }: OAuthProvider, fields: Texts): oauth.AuthorizationServer => ({
  issuer,
  token_endpoint: typeof tokenUrl === "string" ? tokenUrl : tokenUrl(fields)
})

const Answered = Schema.fromJsonString(
  Schema.Struct({ error: Schema.optionalKey(Schema.String), access_token: Schema.optionalKey(Schema.String) })
)
const decodeAnswered = Schema.decodeOption(Answered)

/** An answer as the library takes it: some servers say 200 to what they refuse. */
const responseOf = ({ status, headers, body }: { status: number; headers: Texts; body: string }) => {
  const said = decodeAnswered(body)
  const isRefused = Option.isSome(said) && said.value.error !== undefined && said.value.access_token === undefined
  const { "www-authenticate": _, ...others } = headers
  return new Response([204, 205, 304].includes(status) ? null : body, {
    status: status === 200 && isRefused ? 400 : status,
    headers: others
  })
}

/** The provider's word for what is wrong, if it is one that can be repeated. */
const errorOf = (cause: unknown): string => {
  const said =
    cause instanceof oauth.ResponseBodyError || cause instanceof oauth.AuthorizationResponseError ? cause.error : ""
  return /^[A-Za-z0-9_]{1,64}$/.test(said) ? said : "unknown"
}

const isOver = ({ oauth: { grantErrors = [] } }: OAuthProvider, cause: unknown): boolean =>
  ["invalid_grant", ...grantErrors].includes(errorOf(cause))

/** Nothing of what is left is the user's fault, and all of it may pass. */
const failureOf = ({ name }: Provider, cause: unknown): ProviderError => {
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
const alarm = ({ name, oauth: { client } }: OAuthProvider, cause: unknown) =>
  isClients(errorOf(cause))
    ? Effect.logError(`${name} refuses the OAuth client of this service. Look at ${client.id} and ${client.secret}`)
    : Effect.void

const refusalOf = (cause: unknown): CallbackRefused => {
  if (!(cause instanceof oauth.AuthorizationResponseError))
    return new CallbackRefused({ reason: "issuer", error: "unknown" })
  const error = errorOf(cause)
  return new CallbackRefused({ reason: error === "access_denied" ? "denied" : "provider_error", error })
}

const tokensOf = Effect.fnUntraced(function* (
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
