/** HubSpot's OAuth on loopback, as version 3 answers. */
import { type EmulatedAnswer, type EmulatedRequest, emulatedOAuth, json } from "nexus-integrations/plugin/testing"

export const emulatedTokens = () => {
  let revocations = 0
  /** The refresh token of the request under way: an answer to a refresh has it again. */
  let shown: string | undefined
  const oauth = emulatedOAuth({
    name: "HubSpot",
    authorizePath: "/oauth/authorize",
    tokenPath: "/oauth/v3/token",
    client: { id: "hubspot-emulator-client", secret: "hubspot-emulator-client-secret" },
    lifetime: 1800,
    pkce: true,
    make: (kind, n) => `hubspot-emulator-${kind}-${String(n).padStart(12, "0")}`,
    answer: ({ accessToken, refreshToken, scopes, expiresIn }) =>
      json(200, {
        token_type: "bearer",
        access_token: accessToken,
        refresh_token: refreshToken ?? shown,
        expires_in: expiresIn,
        hub_id: 12_345_678,
        user_id: 77,
        scopes,
        token_use: "access_token"
      }),
    // As the changelog "New OAuth v3 API Endpoints and Standardized Error Responses" has it.
    refusal: (error, why) => {
      const description = why === "refresh token" ? "refresh token is invalid, expired or revoked" : `${why} is wrong`
      const status = why === "refresh token" ? "BAD_REFRESH_TOKEN" : why === "code" ? "BAD_AUTH_CODE" : "BAD_REQUEST"
      return json(why === "client" ? 401 : 400, { error, error_description: description, status, message: description })
    }
  })

  /** `POST /oauth/v3/token/revoke`, which wants to know which client asks. */
  const revoke = ({ body }: EmulatedRequest): EmulatedAnswer => {
    const form = new URLSearchParams(body)
    const { id, secret } = oauth.client
    if (form.get("client_id") !== id || form.get("client_secret") !== secret) {
      return json(401, { error: "invalid_client" })
    }
    if (!oauth.revoke(form.get("token") ?? "")) return json(400, { error: "invalid_token" })
    revocations++
    return { status: 200 }
  }

  return {
    oauth,
    revocations: () => revocations,
    answer: (request: EmulatedRequest) => {
      if (request.method === "POST" && request.path === "/oauth/v3/token/revoke") return revoke(request)
      shown = new URLSearchParams(request.body).get("refresh_token") ?? undefined
      return oauth.answer(request)
    }
  }
}
