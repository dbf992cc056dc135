/** OAuth of an emulated Dropbox. */
import { type EmulatedOAuth, type EmulatedRequest, emulatedOAuth, json } from "nexus-integrations/plugin/testing"

/** 40 characters. */
export const accountId = "dbid:EmulatedAccount0123456789abcdefghij"

const name = "Dropbox"
const tokenPath = "/oauth2/token"
const refreshTokenForm = /^emulated-refresh-token-\d+$/

const refused = (error: string, error_description: string) => json(400, { error, error_description })

const descriptions = {
  client: "Invalid client_id or client_secret",
  code: "code doesn't exist or has expired",
  redirect: "redirect_uri mismatch",
  verifier: "invalid code verifier",
  "refresh token": "refresh token is invalid or revoked",
  "grant type": "grant type is not supported"
}

/** Dropbox's callback has no `scope`, and describes a refusal. */
const callback = (location: string): string => {
  const url = new URL(location)
  url.searchParams.delete("scope")
  if (url.searchParams.has("error")) {
    url.searchParams.set("error_description", "The user chose not to give your app access to their Dropbox account.")
  }
  return url.href
}

export const makeAccess = (): EmulatedOAuth => {
  const oauth = emulatedOAuth({
    name,
    authorizePath: "/oauth2/authorize",
    tokenPath,
    client: { id: "emulated-app-key", secret: "emulated-app-secret" },
    lifetime: 14_400,
    pkce: true,
    isOffline: (query) => query.get("token_access_type") === "offline",
    make: (kind, n) => (kind === "access" ? `sl.u.emulated-access-token-${n}` : `emulated-${kind}-token-${n}`),
    // The type is wrong, and is what Dropbox says.
    answer: ({ accessToken, refreshToken, scopes, expiresIn, isRefresh }) => ({
      status: 200,
      headers: { "content-type": "text/javascript" },
      body: JSON.stringify({
        token_type: "bearer",
        access_token: accessToken,
        expires_in: expiresIn,
        ...(isRefresh ? {} : { uid: "440000000", scope: scopes.join(" "), account_id: accountId }),
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken })
      })
    }),
    refusal: (error, why) => refused(why === "redirect" ? "invalid_grant" : error, descriptions[why])
  })
  return {
    ...oauth,
    consent: (url, consent) => callback(oauth.consent(url, consent)),
    answer: (request) => {
      const answer = oauth.answer(request)
      const location = answer?.headers?.location
      if (answer !== undefined && location !== undefined) {
        return { ...answer, headers: { ...answer.headers, location: callback(location) } }
      }
      return answer?.status === 400 && isGarbled(request)
        ? refused("invalid_grant", "refresh token is malformed")
        : answer
    }
  }
}

/** A refresh with the right client and a token that is none. */
const isGarbled = ({ path, body }: EmulatedRequest) => {
  const form = new URLSearchParams(body)
  return (
    path === tokenPath &&
    form.get("client_secret") === "emulated-app-secret" &&
    form.get("grant_type") === "refresh_token" &&
    !refreshTokenForm.test(form.get("refresh_token") ?? "")
  )
}
