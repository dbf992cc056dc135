/** Dropbox's OAuth, as its guide, its SDKs and recorded answers have it. */
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Schema } from "effect"
import { credentials } from "../../../plugins/dropbox/Client.ts"
import { DropboxEmulator, type EmulatedDropbox } from "../../../plugins/dropbox/Emulator.ts"
import { oauth } from "../../../plugins/dropbox/OAuth.ts"
import { ask } from "./DropboxStand.ts"

const redirectUri = "http://localhost:3001/integrations/oauth/dropbox/callback"
// RFC 7636, appendix B.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

const authorization = (parameters: Readonly<Record<string, string>> = oauth.parameters ?? {}): string => {
  const url = new URL(typeof oauth.authorizationUrl === "string" ? oauth.authorizationUrl : "")
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: "emulated-app-key",
    redirect_uri: redirectUri,
    state: "a-state",
    scope: oauth.scopes.join(" "),
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...parameters
  }).toString()
  return url.href
}

const registered = () => {
  const emulator = DropboxEmulator()
  emulator.oauth.register(redirectUri)
  return emulator
}

const codeOf = (callback: string) => new URL(callback).searchParams.get("code") ?? ""

const form = (emulator: EmulatedDropbox, fields: Readonly<Record<string, string>>) => {
  const { status, headers, body } = ask(emulator, "/oauth2/token", {
    json: new URLSearchParams({
      client_id: "emulated-app-key",
      client_secret: "emulated-app-secret",
      ...fields
    }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" }
  })
  const answer: Readonly<Record<string, unknown>> = typeof body === "string" ? JSON.parse(body) : { ...Object(body) }
  return { status, type: headers?.["content-type"], answer }
}
const exchange = (emulator: EmulatedDropbox, code: string, fields: Readonly<Record<string, string>> = {}) =>
  form(emulator, {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...fields
  })

describe("Dropbox's OAuth", () => {
  it("is declared as its guide has it", () => {
    assert.deepInclude(oauth, {
      slug: "dropbox",
      authorizationUrl: "https://www.dropbox.com/oauth2/authorize",
      tokenUrl: "https://api.dropboxapi.com/oauth2/token",
      scopes: ["account_info.read", "files.content.write", "files.metadata.read"],
      requiredScopes: ["account_info.read", "files.content.write", "files.metadata.read"],
      parameters: { token_access_type: "offline" },
      pkce: true,
      refreshTokens: "kept",
      client: { id: "DROPBOX_APP_KEY", secret: "DROPBOX_APP_SECRET", redirectUri: "DROPBOX_REDIRECT_URI" }
    })
  })

  it("brings credentials that fit the form, account id included, in an answer of the wrong type", () => {
    const emulator = registered()
    const callback = new URL(emulator.oauth.consent(authorization()))
    assert.deepStrictEqual(Array.from(callback.searchParams.keys()).sort(), ["code", "state"])
    const { status, type, answer } = exchange(emulator, codeOf(callback.href))
    assert.deepStrictEqual([status, type], [200, "text/javascript"])
    assert.deepStrictEqual(Object.keys(answer).sort(), [
      "access_token",
      "account_id",
      "expires_in",
      "refresh_token",
      "scope",
      "token_type",
      "uid"
    ])
    assert.deepInclude(answer, { expires_in: 14_400, token_type: "bearer", scope: oauth.scopes.join(" ") })
    const decoded = Schema.decodeUnknownSync(credentials)({
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token,
      expiresAt: "2026-01-31T16:00:00Z",
      ...oauth.fromAnswer?.(answer)
    })
    assert.strictEqual(decoded.accountId, emulator.credentials.accountId)
    assert.strictEqual(Redacted.value(decoded.accessToken), answer.access_token)
  })

  it("has no account id in the answer of a team, nor in that of a refresh", () => {
    assert.deepStrictEqual(oauth.fromAnswer?.({ access_token: "sl.u.1", team_id: "dbtid:1" }), {})
    assert.deepStrictEqual(oauth.fromAnswer?.({ access_token: "sl.u.1", expires_in: 14_400 }), {})
  })

  it("brings a refresh token only for offline access", () => {
    for (const parameters of [{}, { token_access_type: "online" }]) {
      const emulator = registered()
      const { status, answer } = exchange(emulator, codeOf(emulator.oauth.consent(authorization(parameters))))
      assert.strictEqual(status, 200)
      assert.notProperty(answer, "refresh_token")
    }
  })

  it("comes back without a code when its user denies it", () => {
    const back = new URL(registered().oauth.consent(authorization(), { deny: true })).searchParams
    assert.deepStrictEqual(
      [back.get("error"), back.get("state"), back.has("code")],
      ["access_denied", "a-state", false]
    )
    assert.isTrue(back.has("error_description"))
  })

  it("never comes back to another address", () => {
    assert.throws(() => registered().oauth.consent(authorization({ redirect_uri: `${redirectUri}/` })))
  })

  it("refuses a wrong verifier, a wrong secret and a used code", () => {
    const emulator = registered()
    const code = codeOf(emulator.oauth.consent(authorization()))
    const error = (fields: Readonly<Record<string, string>>) => {
      const { status, answer } = exchange(emulator, code, fields)
      return [status, answer.error]
    }
    assert.deepStrictEqual(error({ code_verifier: "another" }), [400, "invalid_grant"])
    assert.deepStrictEqual(error({ client_secret: "wrong" }), [400, "invalid_client"])
    assert.strictEqual(exchange(emulator, code).status, 200)
    assert.deepStrictEqual(error({}), [400, "invalid_grant"])
  })

  it("refreshes into three members, and tells what is wrong with a refresh token", () => {
    const emulator = registered()
    const { refreshToken = "" } = emulator.credentials
    const refresh = (refresh_token: string) => form(emulator, { grant_type: "refresh_token", refresh_token })
    const { type, answer } = refresh(refreshToken)
    assert.strictEqual(type, "text/javascript")
    assert.deepStrictEqual(Object.keys(answer).sort(), ["access_token", "expires_in", "token_type"])
    assert.deepStrictEqual(refresh("garbled").answer, {
      error: "invalid_grant",
      error_description: "refresh token is malformed"
    })
    ask(emulator, "auth/token/revoke", { json: "null" })
    assert.deepInclude(refresh(refreshToken), {
      status: 400,
      answer: { error: "invalid_grant", error_description: "refresh token is invalid or revoked" }
    })
  })
})
