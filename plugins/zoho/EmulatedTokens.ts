/** Zoho's accounts server on loopback. */
import { type EmulatedAnswer, type EmulatedRequest, emulatedOAuth, json } from "nexus-integrations/plugin/testing"

/** The data centre of the account: no other one's server knows its codes and tokens. */
const accountsServer = "https://accounts.zoho.eu"

/** Access tokens that a refresh token gives ... */
const mostTokens = 10
/** ... in so many milliseconds. */
const windowMillis = 600_000

const tooMany = json(400, {
  error: "Access Denied",
  error_description: "You have made too many requests continuously. Please try again after some time."
})

export const emulatedTokens = (apiDomain: string) => {
  let revocations = 0
  const given = new Map<string, Array<number>>()
  const oauth = emulatedOAuth({
    name: "Zoho",
    authorizePath: "/oauth/v2/auth",
    tokenPath: "/oauth/v2/token",
    client: { id: "1000.EMULATORCLIENT", secret: "zoho-emulator-client-secret" },
    scopeSeparator: ",",
    lifetime: 3600,
    pkce: false,
    isOffline: (query, isFirst) =>
      query.get("access_type") === "offline" && (isFirst || query.get("prompt") === "consent"),
    callback: { location: "eu", "accounts-server": accountsServer },
    make: (kind, n) => `1000.emulator.${kind}.${String(n).padStart(16, "0")}`,
    answer: ({ accessToken, refreshToken, expiresIn }) =>
      json(200, {
        access_token: accessToken,
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        api_domain: apiDomain,
        token_type: "Bearer",
        expires_in: expiresIn
      }),
    // With status 200.
    refusal: (error, why) => json(200, { error: why === "code" || why === "refresh token" ? "invalid_code" : error })
  })

  /** Whether a refresh token has given all that it may for now. */
  const isSpent = (refreshToken: string, now: number) => {
    const times = (given.get(refreshToken) ?? []).filter((time) => now - time < windowMillis)
    if (times.length >= mostTokens) return true
    given.set(refreshToken, [...times, now])
    return false
  }

  const answer = (request: EmulatedRequest): EmulatedAnswer | undefined => {
    const { method, path, query, body, now } = request
    if (method === "POST" && path === "/oauth/v2/token/revoke") {
      if (!oauth.revoke(query.get("token") ?? "")) return json(400, { status: "failure" })
      revocations++
      return json(200, { status: "success" })
    }
    const isForeign = `https://${request.host}` !== accountsServer
    if (path === "/oauth/v2/token" && isForeign) return json(200, { error: "invalid_code" })
    const refreshToken = path === "/oauth/v2/token" ? new URLSearchParams(body).get("refresh_token") : null
    return refreshToken !== null && isSpent(refreshToken, now) ? tooMany : oauth.answer(request)
  }

  return { oauth, answer, revocations: () => revocations }
}
