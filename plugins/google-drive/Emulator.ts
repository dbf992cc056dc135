/** Google on loopback: its OAuth for one client and one user, and the user's Drive, as its API v3 answers. */
import {
  type EmulatedAnswer,
  type EmulatedOAuth,
  type EmulatedRequest,
  type Emulator,
  emulatedOAuth,
  json,
  type Refusal
} from "nexus-integrations/plugin/testing"
import { notFound, refusals } from "./EmulatedAnswers.ts"
import { type EmulatedDrive, emulatedDrive } from "./EmulatedDrive.ts"
import { type EmulatedUploads, emulatedUploads } from "./EmulatedUploads.ts"

const scope = "https://www.googleapis.com/auth/drive.file"

/** Google's words; the status and body for a wrong client or redirect URI are not documented. */
const oauthErrors: Readonly<Record<Refusal, readonly [number, string, string]>> = {
  client: [401, "invalid_client", "The OAuth client was not found."],
  code: [400, "invalid_grant", "Malformed auth code."],
  redirect: [400, "redirect_uri_mismatch", "Bad Request"],
  verifier: [400, "invalid_grant", "Invalid code verifier."],
  "refresh token": [400, "invalid_grant", "Token has been expired or revoked."],
  "grant type": [400, "unsupported_grant_type", "Invalid grant_type."]
}

/** What can be done to it, beside what can be done to any emulator. */
export interface GoogleDriveEmulated extends Emulator {
  readonly oauth: EmulatedOAuth
  readonly files: NonNullable<Emulator["files"]>
  readonly drive: EmulatedDrive
  readonly uploads: EmulatedUploads
}

/** A new account without files. */
export const GoogleDriveEmulator = (): GoogleDriveEmulated => {
  const drive = emulatedDrive()
  const uploads = emulatedUploads(drive)
  const tokens: Array<string> = []
  let revocations = 0

  const oauth = emulatedOAuth({
    name: "Google",
    authorizePath: "/o/oauth2/v2/auth",
    tokenPath: "/token",
    client: { id: "emulator.apps.googleusercontent.com", secret: "GOCSPX-emulator-client-secret" },
    lifetime: 3599,
    pkce: true,
    isOffline: (query, isFirst) =>
      query.get("access_type") === "offline" && (isFirst || (query.get("prompt") ?? "").split(" ").includes("consent")),
    make: (kind, n) => {
      const token = `${{ code: "4/0Emulated", access: "ya29.a0Emulated", refresh: "1//0gEmulated" }[kind]}-token-${n}`
      tokens.push(token)
      return token
    },
    refusal: (_, why) => {
      const [status, error, description] = oauthErrors[why]
      return json(status, { error, error_description: description })
    }
  })
  const { accessToken, refreshToken } = oauth.give([scope])

  /** Ends all that the user has granted, whichever of its tokens is given. */
  const revoke = (token: string): EmulatedAnswer => {
    if (!oauth.revoke(token))
      return json(400, { error: "invalid_token", error_description: "Token expired or revoked" })
    for (const other of tokens) oauth.revoke(other)
    revocations++
    return json(200, {})
  }

  const api = (request: EmulatedRequest): EmulatedAnswer => {
    const { method, path, query } = request
    if (path === "/upload/drive/v3/files") return uploads.answer(request)
    if (request.isPartial) return refusals.backend
    if (method === "GET" && path === "/drive/v3/about") return drive.about(query)
    if (method === "GET" && path === "/drive/v3/files/generateIds") return drive.generate(query)
    if (method === "GET" && path === "/drive/v3/files") return drive.list(query)
    if (method === "POST" && path === "/drive/v3/files") return drive.create(request)
    const [, id] = /^\/drive\/v3\/files\/([\w-]+)$/.exec(path) ?? []
    return id === undefined ? notFound(path) : drive.one(id, request)
  }

  const answer = (request: EmulatedRequest): EmulatedAnswer => {
    const { method, path, query, headers, now } = request
    const answered = oauth.answer(request)
    if (answered !== undefined) return answered
    if (method === "POST" && path === "/revoke") return revoke(query.get("token") ?? "")
    // The URL of a session is as good as a token.
    const isSession = path.startsWith("/upload/") && query.has("upload_id")
    if (isSession && headers.authorization === undefined) return api(request)
    const [, token = ""] = /^Bearer (.+)$/.exec(headers.authorization ?? "") ?? []
    const scopes = oauth.scopesOf(token, now)
    if (scopes === undefined || scopes === "expired") return refusals.unauthorized
    return scopes.includes(scope) ? api(request) : refusals.noScope
  }

  return {
    hosts: ["accounts", "oauth2", "api"],
    credentials: { accessToken, refreshToken, expiresAt: "2099-12-31T23:59:59Z" },
    refused: { accessToken: "ya29.a0Emulated-wrong" },
    answer,
    failures: {
      throttled: refusals.userRate,
      unavailable: { status: 502, body: "<html>Bad gateway</html>", headers: { "content-type": "text/html" } },
      unauthorized: refusals.unauthorized
    },
    revokeAccess: (revoked) => oauth.revokeAll(revoked),
    revocations: () => revocations,
    files: { all: drive.all, fill: drive.fill },
    ...{ oauth, drive, uploads }
  }
}
