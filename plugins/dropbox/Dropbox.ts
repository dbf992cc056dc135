/** Files in Dropbox, over API v2. `README.md` in this folder has the app's set-up, limits and quirks, with their sources. */
import { Effect, Schema } from "effect"
import {
  type Account,
  forbidden,
  misconfigured,
  type ProviderDefinition,
  plugin,
  readJson
} from "nexus-integrations/plugin"
import { call, content, credentials, type DropboxConnection, orFail, settings } from "./Client.ts"
import { expired } from "./Failure.ts"
import { limits } from "./Limits.ts"
import { api, oauth, www } from "./OAuth.ts"
import { put } from "./Put.ts"

const CurrentAccount = Schema.Struct({
  account_id: Schema.String,
  email: Schema.String,
  disabled: Schema.optionalKey(Schema.Boolean)
})

const verify = Effect.fn("Dropbox.verify")(function* (connection: DropboxConnection) {
  const answer = yield* orFail(call(connection, "users/get_current_account", null))
  const { account_id, email, disabled } = yield* readJson(CurrentAccount)(answer)
  if (account_id !== connection.credentials.accountId) {
    return yield* misconfigured(`The access token is of another account, ${account_id}: enter that as the account ID`)
  }
  if (disabled === true) return yield* forbidden("The Dropbox account is disabled", "an account that is active")
  // The account answers without the scope that finds out what became of an upload.
  yield* orFail(call(connection, "files/list_folder", { path: "", limit: 1 }))
  return { id: account_id, label: email } satisfies Account
})

/** Ends the access token and its refresh token. A token that is refused is of no use already. */
const revoke = Effect.fn("Dropbox.revoke")(function* (connection: DropboxConnection) {
  yield* orFail(call(connection, "auth/token/revoke", null)).pipe(
    Effect.asVoid,
    Effect.catchReason("ProviderError", "Unauthorized", (_, error) =>
      // Its refresh token is alive: once the service has refreshed, both can be revoked.
      error === expired && connection.credentials.refreshToken !== undefined ? Effect.fail(error) : Effect.void
    )
  )
})

const definition: ProviderDefinition<typeof credentials.Type, typeof settings.Type> = {
  id: "DROPBOX",
  name: "Dropbox",
  category: "storage",
  description: "Puts exports of your contacts into your Dropbox.",
  documentation: "https://www.dropbox.com/developers/documentation/http/documentation",
  logo: { monogram: "Db", color: "#0061ff" },
  contract: 1,
  hosts: { www, api, content },
  credentials,
  oauth,
  settings,
  limits,
  verify,
  revoke,
  files: { put }
}

export const DropboxPlugin = plugin(definition)
