/** Dropbox on loopback: one account that an app folder app is linked to, as API v2 answers. */
import type { EmulatedAnswer, EmulatedRequest, Emulator } from "nexus-integrations/plugin/testing"
import { accountId, makeAccess } from "./EmulatedAccess.ts"
import { badRequest, refusedToken, throttled, unavailable } from "./EmulatedAnswers.ts"
import { makeCalls } from "./EmulatedCalls.ts"
import { contentOf } from "./EmulatedContent.ts"
import { makeFolder } from "./EmulatedFolder.ts"
import { makeUploads } from "./EmulatedUploads.ts"

/** The emulator, and what can be done to its account beside what the API does. */
export interface EmulatedDropbox extends Emulator {
  readonly oauth: NonNullable<Emulator["oauth"]>
  readonly files: NonNullable<Emulator["files"]> & {
    /** Puts a file there, over any other at the path. */
    put(path: string, text: string): void
    /** Deletes a file, or a folder with all that is in it. */
    remove(path: string): void
  }
  /** Ends all upload sessions, as a week does. */
  expireSessions(): void
  /** So many of the next files are stored as something else. */
  damage(files: number): void
  /** Whether what came of a chunk whose connection was cut counts, as far as it came. */
  keepPartials(keeps: boolean): void
  /** Makes the cursors of listings too old. */
  resetCursors(): void
  /** Suspends the user, or takes that back. */
  suspend(isSuspended: boolean): void
}

const scopes = ["account_info.read", "files.content.write", "files.metadata.read"]

/** The scope that a route needs; none for that of the token itself. */
const scopeOf = (route: string): string | undefined => {
  if (route.startsWith("users/")) return "account_info.read"
  if (/^files\/(?:get_metadata|list_folder)/.test(route)) return "files.metadata.read"
  return route.startsWith("files/") ? "files.content.write" : undefined
}

/** A new account without files. */
export const DropboxEmulator = (): EmulatedDropbox => {
  const oauth = makeAccess()
  const folder = makeFolder()
  const uploads = makeUploads(folder)
  const { accessToken, refreshToken } = oauth.give(scopes)
  let revocations = 0
  const calls = makeCalls(folder, (token) => {
    if (oauth.revoke(token)) revocations++
  })
  let isSuspended = false
  let requests = 0

  /** Why a token may not call a route. */
  const refuse = (token: string, route: string, now: number): EmulatedAnswer | undefined => {
    const granted = oauth.scopesOf(token, now)
    if (granted === undefined) return refusedToken("invalid_access_token")
    if (granted === "expired") return refusedToken("expired_access_token")
    if (isSuspended) return refusedToken("user_suspended")
    const scope = scopeOf(route)
    return scope === undefined || granted.includes(scope)
      ? undefined
      : refusedToken("missing_scope", { required_scope: scope })
  }

  const call = (request: EmulatedRequest): EmulatedAnswer => {
    const { method, path, host, headers, now } = request
    const route = path.replace(/^\/2\//, "")
    const home = uploads.isRoute(route) ? "content.dropboxapi.com" : "api.dropboxapi.com"
    const isThere = uploads.isRoute(route) || calls.isRoute(route)
    if (!isThere || !path.startsWith("/2/") || (host.endsWith(".dropboxapi.com") && host !== home)) {
      return { status: 404, body: "<html>Not found</html>", headers: { "content-type": "text/html" } }
    }
    if (method !== "POST") return badRequest(route, `Unexpected HTTP method ${method}`)
    const token = /^Bearer (\S+)$/.exec(headers.authorization ?? "")?.[1] ?? ""
    const refused = refuse(token, route, now)
    if (refused !== undefined) return refused
    if (uploads.isRoute(route)) return uploads.answer(route, request)
    const { body } = request
    const type = headers["content-type"] ?? ""
    if (type !== "application/json" && !(type === "" && body === "")) {
      return badRequest(route, `Bad HTTP "Content-Type" header: "${type}".`)
    }
    return calls.answer(route, body, token)
  }

  return {
    hosts: ["www", "api", "content"],
    credentials: { accessToken, refreshToken, expiresAt: "2099-01-01T00:00:00Z", accountId },
    refused: { accessToken: "sl.u.emulated-wrong-token", accountId },
    answer: (request) => {
      const { headers, ...answer } = oauth.answer(request) ?? call(request)
      return { ...answer, headers: { "x-dropbox-request-id": String(++requests).padStart(32, "0"), ...headers } }
    },
    failures: { throttled, unavailable, unauthorized: refusedToken("invalid_access_token") },
    revokeAccess: (revoked) => oauth.revokeAll(revoked),
    revocations: () => revocations,
    oauth,
    files: {
      all: folder.files,
      fill: folder.fill,
      put: (path, text) => {
        folder.write({ path, mode: "overwrite" }, contentOf(new TextEncoder().encode(text)))
      },
      remove: (path) => {
        folder.remove(path, undefined)
      }
    },
    expireSessions: uploads.expireSessions,
    damage: uploads.damage,
    keepPartials: uploads.keepPartials,
    resetCursors: calls.resetCursors,
    suspend: (suspended) => {
      isSuspended = suspended
    }
  }
}
