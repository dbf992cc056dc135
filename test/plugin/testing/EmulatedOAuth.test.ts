import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type EmulatedOAuthOptions, type EmulatedRequest, emulatedOAuth } from "nexus-integrations/plugin/testing"

const redirectUri = "https://nexus.example/integrations/oauth/acme/callback"
const client = { id: "acme-client", secret: "acme-client-secret" }
const verifier = "a-verifier-of-at-least-forty-three-characters"
const challenge = createHash("sha256").update(verifier).digest("base64url")
const now = 1_700_000_000_000

const made = (changed: Partial<EmulatedOAuthOptions> = {}) => {
  const oauth = emulatedOAuth({
    name: "Acme",
    authorizePath: "/authorize",
    tokenPath: "/token",
    client,
    lifetime: 60,
    pkce: true,
    make: (kind, n) => `${kind}-${n}`,
    ...changed
  })
  oauth.register(redirectUri)
  return oauth
}
type OAuth = ReturnType<typeof made>

const authorizationUrl = (changed: Readonly<Record<string, string>> = {}) =>
  `https://accounts.acme.example/authorize?${new URLSearchParams({
    response_type: "code",
    client_id: client.id,
    redirect_uri: redirectUri,
    scope: "files profile",
    state: "the state",
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...changed
  })}`

const request = (path: string, body: string, more: Partial<EmulatedRequest> = {}): EmulatedRequest => ({
  method: "POST",
  path,
  query: new URLSearchParams(),
  headers: { "content-type": "application/x-www-form-urlencoded" },
  host: "accounts.acme.example",
  body,
  bytes: new TextEncoder().encode(body),
  isPartial: false,
  now,
  ...more
})

const Body = Schema.Struct({
  error: Schema.optionalKey(Schema.String),
  access_token: Schema.optionalKey(Schema.String),
  refresh_token: Schema.optionalKey(Schema.String),
  scope: Schema.optionalKey(Schema.String)
})

const ask = (oauth: OAuth, form: Readonly<Record<string, string>>) => {
  const whole = { client_id: client.id, client_secret: client.secret, ...form }
  const answer = oauth.answer(request("/token", new URLSearchParams(whole).toString()))
  return { status: answer?.status, ...Schema.decodeUnknownSync(Body)(answer?.body) }
}

const codeOf = (back: string) => new URL(back).searchParams.get("code") ?? ""
const exchange = (oauth: OAuth, code: string, changed: Readonly<Record<string, string>> = {}) =>
  ask(oauth, {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...changed
  })
const refresh = (oauth: OAuth, token = "") => ask(oauth, { grant_type: "refresh_token", refresh_token: token })

describe("emulatedOAuth", () => {
  it("sends a user who consents back with a code, the state and the scopes", () => {
    const oauth = made({ callback: { region: "eu" } })
    const back = new URL(oauth.consent(authorizationUrl()))
    assert.strictEqual(back.origin + back.pathname, redirectUri)
    assert.deepStrictEqual(Object.fromEntries(back.searchParams), {
      state: "the state",
      code: codeOf(back.href),
      scope: "files profile",
      region: "eu"
    })
    const { status, access_token = "", scope } = exchange(oauth, codeOf(back.href))
    assert.deepStrictEqual([status, scope], [200, "files profile"])
    assert.deepStrictEqual(oauth.scopesOf(access_token, now), ["files", "profile"])
    assert.strictEqual(oauth.scopesOf(access_token, now + 60_000), "expired")
    assert.strictEqual(oauth.scopesOf("another", now), undefined)
  })

  it("shows a page whose form does the same, and escapes what it shows", () => {
    const oauth = made({ name: "<Acme>" })
    const query = new URL(authorizationUrl({ scope: 'files "><script>' })).searchParams
    const page = oauth.answer(request("/authorize", "", { method: "GET", query }))
    assert.strictEqual(page?.status, 200)
    assert.notInclude(String(page?.body), "<script>")
    assert.notInclude(String(page?.body), "<Acme>")
    const sent = oauth.answer(request("/authorize", "consent=allow&scope=files", { query }))
    assert.strictEqual(sent?.status, 302)
    assert.strictEqual(new URL(sent?.headers?.location ?? "").searchParams.get("scope"), "files")
  })

  it("sends a user who denies back with access_denied, and no code", () => {
    const back = new URL(made().consent(authorizationUrl(), { deny: true }))
    assert.deepStrictEqual(Object.fromEntries(back.searchParams), { state: "the state", error: "access_denied" })
  })

  it("grants no scope whose box is unticked", () => {
    const oauth = made()
    const { access_token = "", scope } = exchange(
      oauth,
      codeOf(oauth.consent(authorizationUrl(), { without: ["files"] }))
    )
    assert.strictEqual(scope, "profile")
    assert.deepStrictEqual(oauth.scopesOf(access_token, now), ["profile"])
  })

  it("knows redirect URIs to the letter", () => {
    const others = [
      `${redirectUri}/`,
      `${redirectUri}?x=1`,
      redirectUri.replace("https", "http"),
      redirectUri.replace("nexus", "Nexus"),
      redirectUri.replace("callback", "call%62ack"),
      ""
    ]
    for (const other of others) {
      assert.throws(() => made().consent(authorizationUrl({ redirect_uri: other })), "redirect_uri_mismatch")
    }
    const oauth = made()
    const code = codeOf(oauth.consent(authorizationUrl()))
    assert.deepInclude(exchange(oauth, code, { redirect_uri: `${redirectUri}/` }), {
      status: 400,
      error: "redirect_uri_mismatch"
    })
  })

  it("asks nobody for another client, or for another kind of answer", () => {
    assert.throws(() => made().consent(authorizationUrl({ client_id: "another" })), "invalid_client")
    assert.throws(() => made().consent(authorizationUrl({ response_type: "token" })), "invalid_request")
  })

  it("takes a code once, and ends what came of it when it is shown again", () => {
    const oauth = made()
    const code = codeOf(oauth.consent(authorizationUrl()))
    const { access_token = "", refresh_token } = exchange(oauth, code)
    assert.strictEqual(exchange(oauth, code).error, "invalid_grant")
    assert.strictEqual(oauth.scopesOf(access_token, now), undefined)
    assert.strictEqual(refresh(oauth, refresh_token).error, "invalid_grant")
    assert.deepStrictEqual(oauth.counts(), { exchanges: 1, refreshes: 0 })
  })

  it("takes a code with the verifier of its challenge alone, which may be tried again", () => {
    const oauth = made()
    const code = codeOf(oauth.consent(authorizationUrl()))
    for (const wrong of ["", `${verifier}x`, challenge]) {
      assert.strictEqual(exchange(oauth, code, { code_verifier: wrong }).error, "invalid_grant")
    }
    assert.strictEqual(exchange(oauth, code).status, 200)
    const unbound = emulatedWithoutChallenge()
    assert.strictEqual(exchange(unbound.oauth, unbound.code).error, "invalid_grant")
  })

  it("wants the client's secret, and a form", () => {
    const oauth = made()
    const code = codeOf(oauth.consent(authorizationUrl()))
    assert.strictEqual(exchange(oauth, code, { client_secret: "wrong" }).error, "invalid_client")
    assert.strictEqual(exchange(oauth, "another").error, "invalid_grant")
    assert.strictEqual(ask(oauth, { grant_type: "password" }).error, "unsupported_grant_type")
    const headers = { "content-type": "application/json" }
    assert.strictEqual(oauth.answer(request("/token", "{}", { headers }))?.status, 400)
    assert.strictEqual(oauth.answer(request("/elsewhere", "")), undefined)
  })

  it("keeps a refresh token where it does not rotate them", () => {
    const oauth = made()
    const { refresh_token } = exchange(oauth, codeOf(oauth.consent(authorizationUrl())))
    for (const n of [1, 2]) {
      const renewed = refresh(oauth, refresh_token)
      assert.deepStrictEqual([renewed.status, renewed.refresh_token], [200, undefined])
      assert.strictEqual(oauth.counts().refreshes, n)
    }
  })

  it("rotates refresh tokens, and ends the family of one that is used again", () => {
    const oauth = made({ rotates: true })
    const first = exchange(oauth, codeOf(oauth.consent(authorizationUrl())))
    const second = refresh(oauth, first.refresh_token)
    const third = refresh(oauth, second.refresh_token)
    assert.deepStrictEqual([second.status, third.status], [200, 200])
    assert.strictEqual(new Set([first, second, third].map((one) => one.refresh_token)).size, 3)
    assert.strictEqual(refresh(oauth, first.refresh_token).error, "invalid_grant")
    assert.strictEqual(refresh(oauth, third.refresh_token).error, "invalid_grant")
    assert.strictEqual(oauth.scopesOf(third.access_token ?? "", now), undefined)
  })

  it("gives refresh tokens to whom the provider does", () => {
    const oauth = made({ isOffline: (query, isFirst) => query.get("access_type") === "offline" && isFirst })
    const tokens = (changed: Readonly<Record<string, string>>) =>
      exchange(oauth, codeOf(oauth.consent(authorizationUrl(changed)))).refresh_token
    assert.isString(tokens({ access_type: "offline" }))
    assert.isUndefined(tokens({ access_type: "offline" }))
  })

  it("ends tokens as time, its user and its API do", () => {
    const oauth = made()
    const { accessToken, refreshToken } = oauth.give(["files"])
    oauth.expire()
    assert.strictEqual(oauth.scopesOf(accessToken, now), "expired")
    oauth.revokeAll(true)
    assert.strictEqual(refresh(oauth, refreshToken).error, "invalid_grant")
    oauth.revokeAll(false)
    const { access_token = "" } = refresh(oauth, refreshToken)
    assert.isTrue(oauth.revoke(refreshToken))
    assert.isFalse(oauth.revoke(refreshToken))
    assert.isFalse(oauth.revoke("another"))
    assert.strictEqual(oauth.scopesOf(access_token, now), undefined)
  })
})

/** A code that was asked for without a challenge. */
function emulatedWithoutChallenge() {
  const oauth = made()
  const url = new URL(authorizationUrl())
  url.searchParams.delete("code_challenge")
  return { oauth, code: codeOf(oauth.consent(url.href)) }
}
