/** The folder that files go to. */
import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { digest, misconfigured } from "nexus-integrations/plugin"
import { api, type DriveConnection, send } from "./Client.ts"
import { failureOfError, readError } from "./DriveError.ts"
import { findFile, generateId, isAboutId, query } from "./DriveFile.ts"

const folderType = "application/vnd.google-apps.folder"

/** Its id is remembered before the folder is made, so that a lost answer, or two uploads at once, make one folder. */
const keyOf = ({ settings: { folder } }: DriveConnection) => `folder ${digest("sha256", folder).slice(0, 32)}`

/** Its id. It is there and not in the trash, or it is made; one that its user threw away is made anew. */
export const folderOf = Effect.fnUntraced(function* (connection: DriveConnection) {
  const key = keyOf(connection)
  for (let attempt = 0; attempt < 3; attempt++) {
    const id = yield* connection.memory.once(key, generateId(connection))
    if (yield* isThere(connection, id)) return id
    yield* connection.memory.forget(key, id)
  }
  return yield* misconfigured(`Google Drive does not let the folder ${connection.settings.folder} be made`)
})

/** Makes the next file go to a new folder. */
export const leaveFolder = (connection: DriveConnection, id: string) => connection.memory.forget(keyOf(connection), id)

/** Finds the folder, or makes it. False: it is in the trash, or its id is that of one that is gone for good. */
const isThere = Effect.fnUntraced(function* (connection: DriveConnection, id: string) {
  const found = yield* findFile(connection, id)
  if (found !== undefined) return found.trashed !== true
  const request = HttpClientRequest.post(`${api}/drive/v3/files`, { urlParams: query }).pipe(
    HttpClientRequest.bodyJsonUnsafe({ id, name: connection.settings.folder, mimeType: folderType })
  )
  const answer = yield* send(connection, request, [400, 409])
  if (answer.status < 300) return true
  const error = yield* readError(answer)
  if (error.status === 409) return (yield* findFile(connection, id))?.trashed === false
  if (isAboutId(error.status, error.message)) return false
  return yield* failureOfError(error)
})
