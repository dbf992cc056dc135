import { emulatedOAuth, json } from "nexus-integrations/plugin/testing"

/** Salesforce's OAuth on loopback, of an app that rotates refresh tokens. Nothing in its answers tells when tokens end. */
export const emulatedTokens = (instanceUrl: string, orgId: string) =>
  emulatedOAuth({
    name: "Salesforce",
    authorizePath: "/services/oauth2/authorize",
    tokenPath: "/services/oauth2/token",
    client: { id: "salesforce-emulator-client", secret: "salesforce-emulator-client-secret" },
    lifetime: 7200,
    pkce: true,
    rotates: true,
    make: (kind, n) => `00D5e000000Emul!${kind}.${String(n).padStart(16, "0")}`,
    answer: ({ accessToken, refreshToken, scopes }) =>
      json(200, {
        access_token: accessToken,
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        instance_url: instanceUrl,
        id: `https://login.salesforce.com/id/${orgId}/0055e000000EmulAAK`,
        issued_at: "1767225600000",
        signature: "ZW11bGF0ZWQ=",
        scope: scopes.join(" "),
        token_type: "Bearer"
      }),
    refusal: (error, why) =>
      json(400, {
        error: why === "client" ? "invalid_client" : error,
        error_description: why === "refresh token" ? "expired access/refresh token" : `invalid ${why}`
      })
  })
