/** The conversation with a provider's authorization server (RFC 6749), through the door that every request takes. */
import { Context, DateTime, Duration, Effect, Layer, Option, Redacted } from "effect"
import * as oauth from "oauth4webapi"
import { Egress } from "../egress/Egress.ts"
import { makeAllHosts } from "../plugin/Hosts.ts"
import type { Texts } from "../plugin/OAuth.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { OAuthProvider, Provider } from "../plugin/Provider.ts"
import { misconfigured, type ProviderError, rateLimited, unauthorized, unavailable } from "../plugin/ProviderError.ts"
import type { OAuthClient } from "./OAuthClients.ts"
import {
  alarm,
  CallbackRefused,
  errorOf,
  failureOf,
  isOver,
  NoTokens,
  refusalOf,
  responseOf,
  type Tokens,
  tokensOf
} from "./TokenAnswers.ts"

/** How long an authorization server may take; twice that is less than a refresh holds its lease. */
const timeout = "10 seconds"
/** Bytes of its answers. */
const maxBody = 65_536

/** A callback, and what its flow began with. */
export interface Callback {
  readonly parameters: URLSearchParams
  readonly state: Redacted.Redacted<string>
  readonly verifier: Redacted.Redacted<string> | undefined
}

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
      const hosts = yield* makeAllHosts(yield* registry.all)

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
      /** Lets the library speak through our door. */
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
          catch: (cause) => new NoTokens({ cause })
        }).pipe(Effect.tapError(({ cause }) => alarm(provider, cause)))

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
          // Who writes a callback may name a server of their own; the code, and our secret, go to the provider's alone.
          yield* Effect.mapError(
            routed(provider, server.token_endpoint ?? ""),
            () => new CallbackRefused({ reason: "issuer", error: "unknown" })
          )
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
            Effect.mapError(({ cause }) =>
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
            Effect.mapError(({ cause }) =>
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
          const { url, sends, authenticated = false, refreshTokensOnly = false } = revocation
          const token = fields.refreshToken ?? fields.accessToken ?? ""
          const form = new URLSearchParams(
            authenticated && client !== undefined
              ? { client_id: client.id, client_secret: Redacted.value(client.secret) }
              : {}
          )
          const target = new URL(typeof url === "string" ? url : url(fields))
          const to = sends === "query" ? target.searchParams : form
          to.set("token", token)
          if (sends === "form" && refreshTokensOnly) to.set("token_type_hint", "refresh_token")
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
