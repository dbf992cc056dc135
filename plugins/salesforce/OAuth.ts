import type { OAuth } from "nexus-integrations/plugin"

/** Where users of all production orgs sign in. Those of sandboxes do at `https://test.salesforce.com`. */
export const login = "https://login.salesforce.com"

/**
 * Salesforce's OAuth for External Client Apps. The answer has no `expires_in`, so tokens are renewed when they are
 * refused. Apps may rotate refresh tokens: then the old one ends with each refresh.
 */
export const oauth: OAuth = {
  slug: "salesforce",
  issuer: login,
  authorizationUrl: `${login}/services/oauth2/authorize`,
  tokenUrl: `${login}/services/oauth2/token`,
  scopes: ["api", "refresh_token", "id"],
  requiredScopes: ["api"],
  pkce: true,
  refreshTokens: "rotated",
  margin: "1 minute",
  client: {
    id: "SALESFORCE_CLIENT_ID",
    secret: "SALESFORCE_CLIENT_SECRET",
    redirectUri: "SALESFORCE_REDIRECT_URI"
  },
  fromAnswer: ({ instance_url }) => (typeof instance_url === "string" ? { instanceUrl: instance_url } : {}),
  revocation: { url: `${login}/services/oauth2/revoke`, sends: "form" }
}
