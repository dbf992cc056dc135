import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type EmulatedRequest, json } from "nexus-integrations/plugin/testing"
import { GoogleDriveEmulator } from "../../../plugins/google-drive/Emulator.ts"
import { oauth } from "../../../plugins/google-drive/OAuth.ts"
import { driving, line } from "./Driving.ts"

const scope = "https://www.googleapis.com/auth/drive.file"
const redirectUri = "http://localhost:3001/integrations/oauth/google/callback"
const verifier = "a-verifier-of-at-least-43-characters-0123456789"
const challenge = createHash("sha256").update(verifier).digest("base64url")

/** Google with a client, and what a browser and a server do with it. */
const google = () => {
  const emulator = GoogleDriveEmulator()
  emulator.oauth.register(redirectUri)
  const { client } = emulator.oauth
  const ask = (method: string, url: string, form?: Readonly<Record<string, string>>, token?: string, now = 0) => {
    const { pathname, searchParams, host } = new URL(url)
    const body = new URLSearchParams(form).toString()
    const request: EmulatedRequest = {
      ...{ method, path: pathname, query: searchParams, host, body, bytes: new TextEncoder().encode(body), now },
      ...{ isPartial: false },
      headers: {
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      }
    }
    return emulator.answer(request)
  }
  const authorization = (parameters: Readonly<Record<string, string>> = oauth.parameters ?? {}, uri = redirectUri) => {
    const all = {
      ...{ response_type: "code", client_id: client.id, redirect_uri: uri, scope: oauth.scopes.join(" "), state: "s1" },
      ...{ code_challenge: challenge, code_challenge_method: "S256" },
      ...parameters
    }
    return `${oauth.authorizationUrl}?${new URLSearchParams(all)}`
  }
  const token = (form: Readonly<Record<string, string>>) =>
    ask("POST", String(oauth.tokenUrl), { client_id: client.id, client_secret: client.secret, ...form })
  const exchange = (callback: string, more: Readonly<Record<string, string>> = {}) =>
    token({
      ...{ grant_type: "authorization_code", redirect_uri: redirectUri, code_verifier: verifier },
      ...{ code: new URL(callback).searchParams.get("code") ?? "", ...more }
    })
  const refresh = (refreshToken: string) => token({ grant_type: "refresh_token", refresh_token: refreshToken })
  const about = (accessToken: string, now = 0) =>
    ask("GET", "https://www.googleapis.com/drive/v3/about?fields=user", undefined, accessToken, now)
  return { ...emulator.oauth, emulator, ask, authorization, exchange, refresh, about }
}

/** Members of a JSON answer, as texts. */
const members = (body: unknown): Readonly<Record<string, unknown>> => Object.fromEntries(Object.entries(body ?? {}))

describe("Google's OAuth, as the plugin declares it", () => {
  it("asks for files of its own alone, offline, and for consent each time", () => {
    assert.deepInclude(oauth, {
      slug: "google",
      authorizationUrl: "https://accounts.google.com/o/oauth2/v2/auth",
      tokenUrl: "https://oauth2.googleapis.com/token",
      scopes: [scope],
      requiredScopes: [scope],
      parameters: { access_type: "offline", prompt: "consent" },
      pkce: true,
      refreshTokens: "kept",
      client: { id: "GOOGLE_CLIENT_ID", secret: "GOOGLE_CLIENT_SECRET", redirectUri: "GOOGLE_REDIRECT_URI" },
      revocation: { url: "https://oauth2.googleapis.com/revoke", sends: "query" },
      revokesGrant: true
    })
  })

  it("brings tokens for a code, once", () => {
    const { consent, authorization, exchange } = google()
    const callback = consent(authorization())
    const { searchParams } = new URL(callback)
    assert.deepStrictEqual([searchParams.get("state"), searchParams.get("scope")], ["s1", scope])
    const { status, body } = exchange(callback)
    assert.strictEqual(status, 200)
    assert.hasAllKeys(members(body), ["access_token", "refresh_token", "expires_in", "token_type", "scope"])
    assert.deepInclude(members(body), { expires_in: 3599, token_type: "Bearer", scope })
    assert.deepStrictEqual(
      exchange(callback),
      json(400, { error: "invalid_grant", error_description: "Malformed auth code." })
    )
  })

  it("brings a refresh token only offline, and at a second consent only when it is asked for", () => {
    const { consent, authorization, exchange } = google()
    const has = (parameters: Readonly<Record<string, string>>) =>
      "refresh_token" in members(exchange(consent(authorization(parameters))).body)
    assert.isFalse(has({ prompt: "consent" }))
    assert.isFalse(has({ access_type: "offline" }), "the user has consented before")
    assert.isTrue(has({ access_type: "offline", prompt: "consent" }))
    assert.isTrue(has({ access_type: "offline", prompt: "select_account consent" }))
    const first = google()
    const answer = first.exchange(first.consent(first.authorization({ access_type: "offline" })))
    assert.property(answer.body, "refresh_token", "the first consent")
  })

  it("refuses another redirect URI, verifier, client or code", () => {
    const { consent, authorization, exchange } = google()
    for (const uri of [`${redirectUri}/`, "http://localhost:3001/other", "https://evil.example"]) {
      assert.throws(() => consent(authorization({}, uri)), /redirect_uri_mismatch/)
    }
    const refused = (more: Readonly<Record<string, string>>) =>
      members(exchange(consent(authorization()), more).body).error
    assert.strictEqual(refused({ redirect_uri: `${redirectUri}/` }), "redirect_uri_mismatch")
    assert.strictEqual(refused({ code_verifier: "another" }), "invalid_grant")
    assert.strictEqual(refused({ client_secret: "another" }), "invalid_client")
    assert.strictEqual(refused({ code: "4/0another" }), "invalid_grant")
    assert.strictEqual(refused({ grant_type: "password" }), "unsupported_grant_type")
  })

  it("shows a page, and sends nobody back, where the redirect URI is none of the client's", () => {
    const { ask, authorization } = google()
    const { status, headers } = ask("GET", authorization({}, `${redirectUri}/`))
    assert.strictEqual(status, 400)
    assert.match(headers?.["content-type"] ?? "", /^text\/html/)
    assert.isUndefined(headers?.location)
  })

  it("sends back a denial, and a scope whose box was unticked as missing, which the API knows too", () => {
    const { consent, authorization, exchange, about } = google()
    const denied = new URL(consent(authorization(), { deny: true })).searchParams
    assert.deepStrictEqual(Object.fromEntries(denied), { state: "s1", error: "access_denied" })
    const callback = consent(authorization({ ...oauth.parameters, scope: `openid ${scope}` }), { without: [scope] })
    assert.strictEqual(new URL(callback).searchParams.get("scope"), "openid")
    const { access_token, scope: granted } = members(exchange(callback).body)
    assert.strictEqual(granted, "openid")
    assert.strictEqual(about(String(access_token)).status, 403)
  })

  it("refreshes without a new refresh token, until it is revoked, which ends all that was granted", () => {
    const { consent, authorization, exchange, refresh, about, ask, emulator } = google()
    const first = members(exchange(consent(authorization())).body)
    const second = members(exchange(consent(authorization())).body)
    const { status, body } = refresh(String(first.refresh_token))
    assert.strictEqual(status, 200)
    assert.hasAllKeys(members(body), ["access_token", "expires_in", "token_type", "scope"])
    const { access_token } = members(body)
    assert.strictEqual(about(String(access_token)).status, 200)
    assert.strictEqual(about(String(access_token), 3_600_000).status, 401, "an hour later")

    const revoke = () => ask("POST", `https://oauth2.googleapis.com/revoke?token=${first.refresh_token}`, {})
    assert.strictEqual(revoke().status, 200)
    assert.strictEqual(emulator.revocations(), 1)
    for (const { refresh_token, access_token } of [first, second]) {
      assert.deepStrictEqual(
        refresh(String(refresh_token)),
        json(400, { error: "invalid_grant", error_description: "Token has been expired or revoked." })
      )
      assert.strictEqual(about(String(access_token)).status, 401)
    }
    assert.strictEqual(revoke().status, 400)
    assert.strictEqual(emulator.revocations(), 1)
    assert.strictEqual(exchange(consent(authorization())).status, 200, "the user may connect again")
  })
})

describe("Connecting Google Drive", () => {
  it.live("names the account, and proves that files may be made, without making one", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* driving
      const { verify } = yield* session()
      assert.deepStrictEqual(yield* verify, { id: "01234567890123456789", label: "ada.lovelace@example.com" })
      assert.deepStrictEqual(server.requests.map(line), ["GET /drive/v3/about", "GET /drive/v3/files/generateIds"])
      assert.strictEqual(server.requests[0]?.query.get("fields"), "kind,user,storageQuota")
      assert.deepStrictEqual(emulator.drive.folders(), [])
    })
  )

  it.live("names an account without an address by its name, or by its id", () =>
    Effect.gen(function* () {
      const { session, server } = yield* driving
      const { verify } = yield* session()
      for (const [user, label] of [
        [{ permissionId: "7", displayName: "Ada" }, "Ada"],
        [{ permissionId: "7" }, "Google Drive 7"]
      ] as const) {
        server.inject({ kind: { status: 200, body: { user } } })
        assert.deepStrictEqual(yield* verify, { id: "7", label })
      }
    })
  )

  it.live("takes a token alone, and tokens with all that comes with them", () =>
    Effect.gen(function* () {
      const { session, emulator, provider } = yield* driving
      const { accessToken = "" } = emulator.credentials
      yield* (yield* session({ accessToken })).verify
      yield* (yield* session({ accessToken, refreshToken: "1//0g", expiresAt: "2026-01-31T12:00:00.123Z" })).verify
      assert.strictEqual((yield* Effect.flip(session({ accessToken, expiresAt: "soon" })))._tag, "SchemaError")
      assert.isTrue(provider.canRevoke)
      assert.isTrue(provider.hasFiles)
    })
  )

  it.live("is refused with a token that has ended, or that was never one", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* driving
      const { verify } = yield* session()
      emulator.oauth.expire()
      assert.strictEqual((yield* Effect.flip(verify)).reason._tag, "Unauthorized")
      const wrong = yield* session(emulator.refused)
      assert.strictEqual((yield* Effect.flip(wrong.verify)).reason._tag, "Unauthorized")
    })
  )
})
