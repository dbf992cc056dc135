/** OAuth 2.0 of an emulated provider: its consent page, its token endpoint, and the tokens that it has given. */
import { createHash } from "node:crypto"
import type { EmulatedOAuthOptions, GivenTokens, Refusal } from "./EmulatedOAuthOptions.ts"
import { consentPage, errorPage } from "./EmulatedPages.ts"
import { type EmulatedAnswer, type EmulatedRequest, json } from "./Emulator.ts"

/** What a user who is asked for consent does. */
export interface Consent {
  /** `deny` instead of allowing. */
  readonly deny?: boolean
  /** Scopes whose boxes are unticked. */
  readonly without?: ReadonlyArray<string>
}

interface Grant {
  readonly scopes: ReadonlyArray<string>
  refreshToken: string | undefined
  isRevoked: boolean
}

export interface EmulatedOAuth {
  readonly client: { readonly id: string; readonly secret: string }
  /** Registers a redirect URI, which has to be the same to the letter. */
  register(redirectUri: string): void
  /** Answers what goes to the consent page or the token endpoint; undefined for any other request. */
  answer(request: EmulatedRequest): EmulatedAnswer | undefined
  /**
   * What a user does whose browser is sent to this URL, without a browser: gives the URL that it is sent back to. An
   * Error says what the page says, where it is none of consent.
   */
  consent(url: string, consent?: Consent): string
  /** Gives tokens without asking anybody. */
  give(scopes: ReadonlyArray<string>): { readonly accessToken: string; readonly refreshToken: string }
  /** What an access token may do at a time; `expired`, or undefined when there is no such token. */
  scopesOf(accessToken: string, now: number): ReadonlyArray<string> | "expired" | undefined
  /** Ends a grant by one of its tokens, whichever; false when there is none. */
  revoke(token: string): boolean
  /** Ends all access tokens that there are, as time does. */
  expire(): void
  /** Ends all grants, as their user does; `false` takes that back. */
  revokeAll(revoked: boolean): void
  /** How many codes were exchanged for tokens, and how many refreshes brought some. */
  counts(): { readonly exchanges: number; readonly refreshes: number }
}

export const emulatedOAuth = (options: EmulatedOAuthOptions): EmulatedOAuth => {
  const { client, lifetime, scopeSeparator = " " } = options
  const redirectUris = new Set<string>()
  const codes = new Map<string, { readonly query: URLSearchParams; readonly grant: Grant; isUsed: boolean }>()
  const access = new Map<string, { readonly grant: Grant; endsAt: number }>()
  const refresh = new Map<string, Grant>()
  const count = { exchanges: 0, refreshes: 0 }
  let next = 1
  let isRevoked = false
  let hasConsented = false

  const giveAccess = (grant: Grant, now: number): string => {
    const token = options.make("access", next++)
    access.set(token, { grant, endsAt: now + lifetime * 1000 })
    return token
  }
  const giveRefresh = (grant: Grant): string => {
    const token = options.make("refresh", next++)
    refresh.set(token, grant)
    grant.refreshToken = token
    return token
  }
  const split = (scope: string | null) => (scope ?? "").split(scopeSeparator).filter((one) => one !== "")

  const refusal = (why: Refusal): EmulatedAnswer => {
    const error = errors[why]
    return options.refusal?.(error, why) ?? json(400, { error, error_description: `bad ${why}` })
  }
  const given = (tokens: GivenTokens): EmulatedAnswer => {
    const { accessToken, refreshToken, scopes, expiresIn } = tokens
    return (
      options.answer?.(tokens) ??
      json(200, {
        access_token: accessToken,
        token_type: "Bearer",
        expires_in: expiresIn,
        scope: scopes.join(scopeSeparator),
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken })
      })
    )
  }

  const authorize = ({
    method,
    query,
    path,
    body
  }: Pick<EmulatedRequest, "method" | "query" | "path" | "body">): EmulatedAnswer => {
    const redirectUri = query.get("redirect_uri") ?? ""
    if (query.get("client_id") !== client.id) return errorPage(options.name, "invalid_client")
    if (!redirectUris.has(redirectUri)) return errorPage(options.name, "redirect_uri_mismatch")
    if (query.get("response_type") !== "code") return errorPage(options.name, "invalid_request")
    const scopes = split(query.get("scope"))
    if (method === "GET") return consentPage(options.name, `${path}?${query}`, scopes)
    const form = new URLSearchParams(body)
    const back = new URL(redirectUri)
    const state = query.get("state")
    if (state !== null) back.searchParams.set("state", state)
    if (form.get("consent") !== "allow") {
      back.searchParams.set("error", "access_denied")
      return { status: 302, headers: { location: back.href } }
    }
    const granted = scopes.filter((scope) => form.getAll("scope").includes(scope))
    const code = options.make("code", next++)
    const grant: Grant = { scopes: granted, refreshToken: undefined, isRevoked: false }
    if (options.isOffline?.(query, !hasConsented) ?? true) giveRefresh(grant)
    hasConsented = true
    codes.set(code, { query, grant, isUsed: false })
    back.searchParams.set("code", code)
    back.searchParams.set("scope", granted.join(scopeSeparator))
    for (const [name, value] of Object.entries(options.callback ?? {})) back.searchParams.set(name, value)
    return { status: 302, headers: { location: back.href } }
  }

  const exchange = (form: URLSearchParams, now: number): EmulatedAnswer => {
    const found = codes.get(form.get("code") ?? "")
    if (found === undefined) return refusal("code")
    const { query, grant } = found
    if (found.isUsed) {
      grant.isRevoked = true
      return refusal("code")
    }
    if (form.get("redirect_uri") !== query.get("redirect_uri")) return refusal("redirect")
    const challenge = query.get("code_challenge")
    const verifier = form.get("code_verifier")
    if (options.pkce && (challenge === null ? verifier !== null : challengeOf(verifier ?? "") !== challenge)) {
      return refusal("verifier")
    }
    found.isUsed = true
    count.exchanges++
    const { refreshToken, scopes } = grant
    const accessToken = giveAccess(grant, now)
    const tokens = { accessToken, scopes, expiresIn: lifetime, isRefresh: false }
    return given(refreshToken === undefined ? tokens : { ...tokens, refreshToken })
  }

  const renew = (form: URLSearchParams, now: number): EmulatedAnswer => {
    const token = form.get("refresh_token") ?? ""
    const grant = refresh.get(token)
    if (grant === undefined || grant.isRevoked || isRevoked) return refusal("refresh token")
    if (options.rotates === true && grant.refreshToken !== token) {
      // Used a second time, it was stolen: nobody who has a token of this family keeps access.
      grant.isRevoked = true
      return refusal("refresh token")
    }
    count.refreshes++
    const accessToken = giveAccess(grant, now)
    const tokens = { accessToken, scopes: grant.scopes, expiresIn: lifetime, isRefresh: true }
    return given(options.rotates === true ? { ...tokens, refreshToken: giveRefresh(grant) } : tokens)
  }

  return {
    client,
    register: (redirectUri) => {
      redirectUris.add(redirectUri)
    },
    answer: (request) => {
      const { method, path, headers, now } = request
      if (path === options.authorizePath && (method === "GET" || method === "POST")) return authorize(request)
      if (path !== options.tokenPath || method !== "POST") return undefined
      if (headers["content-type"]?.startsWith("application/x-www-form-urlencoded") !== true) {
        return json(400, { error: "invalid_request", error_description: "the body is no form" })
      }
      // Read here and no earlier: the body of another request may be a chunk of an upload, and no text.
      const form = new URLSearchParams(request.body)
      if (form.get("client_id") !== client.id || form.get("client_secret") !== client.secret) return refusal("client")
      if (form.get("grant_type") === "authorization_code") return exchange(form, now)
      return form.get("grant_type") === "refresh_token" ? renew(form, now) : refusal("grant type")
    },
    consent: (url, { deny = false, without = [] } = {}) => {
      const { pathname, searchParams } = new URL(url)
      const form = new URLSearchParams({ consent: deny ? "deny" : "allow" })
      for (const scope of split(searchParams.get("scope"))) if (!without.includes(scope)) form.append("scope", scope)
      const { headers, body } = authorize({
        method: "POST",
        path: pathname,
        query: searchParams,
        body: form.toString()
      })
      if (headers?.location === undefined) throw new Error(`The page says: ${body}`)
      return headers.location
    },
    give: (scopes) => {
      const grant: Grant = { scopes, refreshToken: undefined, isRevoked: false }
      const accessToken = options.make("access", next++)
      access.set(accessToken, { grant, endsAt: Number.POSITIVE_INFINITY })
      return { accessToken, refreshToken: giveRefresh(grant) }
    },
    scopesOf: (accessToken, now) => {
      const found = access.get(accessToken)
      if (found === undefined || found.grant.isRevoked || isRevoked) return undefined
      return found.endsAt <= now ? "expired" : found.grant.scopes
    },
    revoke: (token) => {
      const grant = access.get(token)?.grant ?? refresh.get(token)
      if (grant === undefined || grant.isRevoked) return false
      grant.isRevoked = true
      return true
    },
    expire: () => {
      for (const one of access.values()) one.endsAt = 0
    },
    revokeAll: (revoked) => {
      isRevoked = revoked
    },
    counts: () => ({ ...count })
  }
}

/** RFC 6749, section 5.2. */
const errors: Readonly<Record<Refusal, string>> = {
  client: "invalid_client",
  code: "invalid_grant",
  redirect: "redirect_uri_mismatch",
  verifier: "invalid_grant",
  "refresh token": "invalid_grant",
  "grant type": "unsupported_grant_type"
}

/** RFC 7636, section 4.2. */
const challengeOf = (verifier: string) => createHash("sha256").update(verifier).digest("base64url")
