import type { OAuth, Texts } from "nexus-integrations/plugin"

/** Where users of all production orgs sign in. Those of sandboxes do at `https://test.salesforce.com`. */
export const login = "https://login.salesforce.com"

/**
 * An endpoint of OAuth: at the org itself once it is known, and at the login page before. Every org has them at its My
 * Domain (help, "OAuth Endpoints"), sandboxes too, whose tokens the login page of production does not know.
 */
const at =
  (path: string) =>
  ({ instanceUrl = login }: Texts) => {
    const { origin, hostname } = new URL(instanceUrl)
    return `${hostname.endsWith(".my.salesforce.com") ? origin : login}${path}`
  }

/**
 * Salesforce's OAuth for External Client Apps. The answer has no `expires_in`, so tokens are renewed when they are
 * refused. Apps may rotate refresh tokens: then the old one ends with each refresh.
 */
export const oauth: OAuth = {
  slug: "salesforce",
  issuer: login,
  authorizationUrl: `${login}/services/oauth2/authorize`,
  tokenUrl: at("/services/oauth2/token"),
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
  revocation: { url: at("/services/oauth2/revoke"), sends: "form" }
}
