/** Files in Google Drive, over its API v3. `README.md` in this folder has the set-up, limits and quirks. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Account, type ProviderDefinition, plugin, readJson } from "nexus-integrations/plugin"
import { api, credentials, type DriveConnection, send, settings } from "./Client.ts"
import { generateId } from "./DriveFile.ts"
import { limits } from "./Limits.ts"
import { accounts, oauth, oauth2 } from "./OAuth.ts"
import { put } from "./Put.ts"

/** An address may be hidden; the id never changes. */
const About = Schema.Struct({
  user: Schema.Struct({
    permissionId: Schema.String,
    emailAddress: Schema.optionalKey(Schema.String),
    displayName: Schema.optionalKey(Schema.String)
  })
})

const verify = Effect.fn("GoogleDrive.verify")(function* (connection: DriveConnection) {
  const request = HttpClientRequest.get(`${api}/drive/v3/about`, { urlParams: { fields: "kind,user,storageQuota" } })
  const { user } = yield* readJson(About)(yield* send(connection, request))
  // The account answers to the scopes that only read; an id for a new file needs the one that writes, and makes nothing.
  yield* generateId(connection)
  const { permissionId, emailAddress, displayName } = user
  return { id: permissionId, label: emailAddress ?? displayName ?? `Google Drive ${permissionId}` } satisfies Account
})

const definition: ProviderDefinition<typeof credentials.Type, typeof settings.Type> = {
  id: "GOOGLE_DRIVE",
  name: "Google Drive",
  category: "storage",
  description: "Puts exports of your contacts into a folder of Google Drive.",
  documentation: "https://developers.google.com/workspace/drive/api/guides/about-sdk",
  logo: { monogram: "GD", color: "#1a73e8" },
  contract: 1,
  hosts: { accounts, oauth2, api },
  credentials,
  oauth,
  settings,
  limits,
  verify,
  files: { put }
}

export const GoogleDrivePlugin = plugin(definition)
