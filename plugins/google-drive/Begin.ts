/** The request that begins an upload: with all bytes of a small file, or for a session that takes those of a larger one. */
import { Effect } from "effect"
import { HttpClientRequest, type HttpClientResponse } from "effect/http"
import { readJson, unavailable } from "nexus-integrations/plugin"
import { api, send } from "./Client.ts"
import { type DriveError, failureOfError, readError } from "./DriveError.ts"
import { DriveFile, findFile, isAboutId, query } from "./DriveFile.ts"
import { fileName } from "./FileName.ts"
import { folderOf, leaveFolder } from "./Folder.ts"
import { type Job, Step } from "./Job.ts"
import { multipart } from "./Multipart.ts"
import type { UploadState } from "./UploadState.ts"

/** Bytes that go with the first request; Drive advises a session for more than 5 MB. */
const small = 5_000_000

const uploadUrl = `${api}/upload/drive/v3/files`

export const begin = Effect.fnUntraced(function* (job: Job, { id, digests }: UploadState) {
  const { connection, file } = job
  const folder = yield* folderOf(connection)
  const { mimeType, size } = file
  const metadata = { id, name: fileName(file.name), mimeType, parents: [folder] }
  const isSmall = size <= small
  const request = isSmall
    ? HttpClientRequest.post(uploadUrl, { urlParams: { ...query, uploadType: "multipart" } }).pipe(
        multipart(metadata, mimeType, yield* file.read({ from: 0, length: size }), digests.join(""))
      )
    : HttpClientRequest.post(uploadUrl, { urlParams: { ...query, uploadType: "resumable" } }).pipe(
        HttpClientRequest.setHeaders({ "x-upload-content-type": mimeType, "x-upload-content-length": String(size) }),
        HttpClientRequest.bodyText(JSON.stringify(metadata), "application/json; charset=UTF-8")
      )
  const answer = yield* send(connection, request, [400, 403, 404, 409])
  if (answer.status >= 300) return yield* refused(job, id, folder, yield* readError(answer))
  return isSmall ? Step.Stored({ stored: yield* readJson(DriveFile)(answer) }) : yield* opened(answer)
})

const opened = Effect.fnUntraced(function* ({ headers: { location } }: HttpClientResponse.HttpClientResponse) {
  if (location === undefined) return yield* unavailable("Google Drive opened an upload and did not say where")
  return Step.Opened({ session: location })
})

const refused = Effect.fnUntraced(function* ({ connection }: Job, id: string, folder: string, error: DriveError) {
  const { status, message, reasons } = error
  const why = failureOfError(error)
  if (status === 409) {
    // A file with this id is there, as a rule the one whose answer was lost.
    const stored = yield* findFile(connection, id)
    return stored === undefined ? Step.IdUnusable({ why }) : Step.Stored({ stored })
  }
  if (isAboutId(status, message)) return Step.IdUnusable({ why })
  // It went away since it was looked at.
  if (status === 404) return Step.FolderUnusable({ why })
  if (reasons.includes("numChildrenInNonRootLimitExceeded")) {
    yield* leaveFolder(connection, folder)
    return Step.FolderUnusable({ why })
  }
  return yield* why
})
