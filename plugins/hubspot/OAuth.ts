import type { OAuth } from "nexus-integrations/plugin"
import { api } from "./Client.ts"

/** Where users sign in. Accounts of the EU are sent on to their own host from there. */
export const accounts = "https://app.hubspot.com"

/**
 * HubSpot's OAuth, version 3: version 1 ends on 2027-02-16. Access tokens last 30 minutes. Whether refresh tokens rotate
 * is not documented; whatever comes is stored.
 */
export const oauth: OAuth = {
  slug: "hubspot",
  issuer: accounts,
  authorizationUrl: `${accounts}/oauth/authorize`,
  tokenUrl: `${api}/oauth/v3/token`,
  scopes: ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read"],
  requiredScopes: ["crm.objects.contacts.read", "crm.objects.contacts.write"],
  pkce: true,
  refreshTokens: "kept",
  margin: "5 minutes",
  client: { id: "HUBSPOT_CLIENT_ID", secret: "HUBSPOT_CLIENT_SECRET", redirectUri: "HUBSPOT_REDIRECT_URI" },
  revocation: { url: `${api}/oauth/v3/token/revoke`, sends: "form", authenticated: true, refreshTokensOnly: true }
}
