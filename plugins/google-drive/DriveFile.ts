/** Files of Drive as resources: their ids, what is known of them, the trash. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type ProviderError, readJson, unavailable } from "nexus-integrations/plugin"
import { api, type DriveConnection, send } from "./Client.ts"

/** Sizes are texts, as all 64-bit numbers of Google's. Checksums are there for files with bytes. */
export const DriveFile = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  size: Schema.optionalKey(Schema.String),
  sha256Checksum: Schema.optionalKey(Schema.String),
  md5Checksum: Schema.optionalKey(Schema.String),
  webViewLink: Schema.optionalKey(Schema.String),
  trashed: Schema.optionalKey(Schema.Boolean)
})
export type DriveFile = typeof DriveFile.Type

/** Without `fields` an answer has no more than id, name and type; without the other a folder in a shared drive is not found. */
export const query = {
  fields: "id,name,size,sha256Checksum,md5Checksum,webViewLink,trashed",
  supportsAllDrives: "true"
}

const fileUrl = (id: string) => `${api}/drive/v3/files/${encodeURIComponent(id)}`

/** A file by its id; undefined where there is none, or none that this application may see. */
export const findFile = Effect.fnUntraced(function* (
  connection: DriveConnection,
  id: string
): Effect.fn.Return<DriveFile | undefined, ProviderError> {
  const answer = yield* send(connection, HttpClientRequest.get(fileUrl(id), { urlParams: query }), [404])
  return answer.status === 404 ? undefined : yield* readJson(DriveFile)(answer)
})

const Ids = Schema.Struct({ ids: Schema.Array(Schema.String) })

/** An id for a file that is yet to be made. A second file with it is refused, which is how a lost answer makes none. */
export const generateId = Effect.fnUntraced(function* (connection: DriveConnection) {
  const request = HttpClientRequest.get(`${api}/drive/v3/files/generateIds`, {
    urlParams: { count: 1, space: "drive", type: "files" }
  })
  const { ids } = yield* readJson(Ids)(yield* send(connection, request))
  return ids[0] ?? (yield* unavailable("Google Drive gave no id for a new file"))
})

/** Puts a file into the trash, where its user may look at it for 30 days. */
export const trash = (connection: DriveConnection, id: string) =>
  send(
    connection,
    HttpClientRequest.patch(fileUrl(id), { urlParams: query }).pipe(
      HttpClientRequest.bodyJsonUnsafe({ trashed: true })
    ),
    [404]
  )

/** Whether a file can't be made because of the id that was generated for it. What Drive says then is not documented. */
export const isAboutId = (status: number, message: string | undefined): boolean =>
  status === 400 && /\bfile ?id\b/i.test(message ?? "")
