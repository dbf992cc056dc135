/** Dropbox's OAuth, as its guide has it, and as its own SDKs do it. */
import { type OAuth, type Texts, text, tokenFields } from "nexus-integrations/plugin"

export const www = "https://www.dropbox.com"
export const api = "https://api.dropboxapi.com"

/** What an app folder app may do with them: read whose account it is, write files, and see which files there are. */
const scopes = ["account_info.read", "files.content.write", "files.metadata.read"]

export const credentialFields = {
  ...tokenFields({
    title: "Access token",
    description: `Of an app with the scopes ${scopes.join(", ")}. Without a refresh token it lasts for four hours.`,
    example: "sl.u.example-of-an-access-token"
  }),
  accountId: text(
    {
      title: "Account ID",
      description: "account_id in the answer that brought the token: the account that it is of.",
      example: "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"
    },
    { pattern: /^dbid:[\w-]{35}$/, message: "Expected an account ID of Dropbox, dbid: and 35 characters" }
  )
}

/** A refresh brings no account id, and a team's token has the id of a team instead. */
const fromAnswer = ({ account_id }: Readonly<Record<string, unknown>>): Texts =>
  typeof account_id === "string" ? { accountId: account_id } : {}

export const oauth: OAuth = {
  slug: "dropbox",
  issuer: www,
  authorizationUrl: `${www}/oauth2/authorize`,
  tokenUrl: `${api}/oauth2/token`,
  scopes,
  requiredScopes: scopes,
  // Without it there is no refresh token.
  parameters: { token_access_type: "offline" },
  pkce: true,
  refreshTokens: "kept",
  // As Dropbox's own SDKs do.
  margin: "5 minutes",
  client: { id: "DROPBOX_APP_KEY", secret: "DROPBOX_APP_SECRET", redirectUri: "DROPBOX_REDIRECT_URI" },
  fromAnswer
}
