/** Google's OAuth 2.0 for web server applications. */
import type { OAuth } from "nexus-integrations/plugin"

export const accounts = "https://accounts.google.com"
export const oauth2 = "https://oauth2.googleapis.com"

/** Files that this application made, and no others. It is the one of Drive's scopes that needs no security review. */
export const scope = "https://www.googleapis.com/auth/drive.file"

export const oauth: OAuth = {
  slug: "google",
  issuer: accounts,
  authorizationUrl: `${accounts}/o/oauth2/v2/auth`,
  tokenUrl: `${oauth2}/token`,
  scopes: [scope],
  requiredScopes: [scope],
  // Without the first there is no refresh token, and without the second none when a user connects again.
  parameters: { access_type: "offline", prompt: "consent" },
  pkce: true,
  refreshTokens: "kept",
  // Of an hour; a request of an upload may take two minutes.
  margin: "5 minutes",
  client: { id: "GOOGLE_CLIENT_ID", secret: "GOOGLE_CLIENT_SECRET", redirectUri: "GOOGLE_REDIRECT_URI" },
  revocation: { url: `${oauth2}/revoke`, sends: "query" },
  revokesGrant: true
}
