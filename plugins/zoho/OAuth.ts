import type { OAuth, Texts } from "nexus-integrations/plugin"
import { accounts } from "./Client.ts"

/** Where everybody signs in; the callback tells which data centre's server has the account. */
const accountsServer = "https://accounts.zoho.com"

const at =
  (path: string) =>
  ({ accountsServer: own = accountsServer }: Texts) =>
    `${own}${path}`

/** The server that has the account. Anybody can write a callback, and the client's secret goes to this server next. */
const fromCallback = ({ "accounts-server": server }: Texts): Texts => {
  if (server === undefined) return {}
  if (!accounts.includes(server)) throw new Error("The callback names no accounts server of Zoho")
  return { accountsServer: server }
}

/**
 * Zoho's OAuth. A refresh token gives ten access tokens in ten minutes at most, and is good until it is revoked. PKCE is
 * not documented for clients with a secret.
 */
export const oauth: OAuth = {
  slug: "zoho",
  issuer: accountsServer,
  authorizationUrl: `${accountsServer}/oauth/v2/auth`,
  tokenUrl: at("/oauth/v2/token"),
  scopes: [
    "ZohoCRM.modules.contacts.ALL",
    "ZohoCRM.modules.accounts.ALL",
    "ZohoCRM.users.READ",
    "ZohoCRM.settings.fields.READ"
  ],
  scopeSeparator: ",",
  requiredScopes: ["ZohoCRM.modules.contacts.ALL"],
  parameters: { access_type: "offline", prompt: "consent" },
  pkce: false,
  refreshTokens: "kept",
  grantErrors: ["invalid_code"],
  refreshLimit: { limit: 10, window: "10 minutes" },
  margin: "5 minutes",
  client: { id: "ZOHO_CLIENT_ID", secret: "ZOHO_CLIENT_SECRET", redirectUri: "ZOHO_REDIRECT_URI" },
  fromCallback,
  fromAnswer: ({ api_domain }) => (typeof api_domain === "string" ? { apiDomain: api_domain } : {}),
  revocation: { url: at("/oauth/v2/token/revoke"), sends: "query", refreshTokensOnly: true }
}
