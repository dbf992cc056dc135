/** A resumable upload: the bytes of a file, chunk by chunk, to the URL of a session (guide "Upload file data"). */
import { Effect, Option } from "effect"
import { HttpClientRequest, type HttpClientResponse } from "effect/http"
import { readJson, unavailable } from "nexus-integrations/plugin"
import { send } from "./Client.ts"
import { failureOfError, readError, refusalOf } from "./DriveError.ts"
import { DriveFile } from "./DriveFile.ts"
import { type Job, Step } from "./Job.ts"
import type { UploadState } from "./UploadState.ts"

/** Bytes in a chunk. All but the last have to be a multiple of 256 KiB. */
const chunk = 8 * 1024 * 1024

/** A session with the URL that it has now. */
interface Session {
  readonly job: Job
  readonly state: UploadState
  url: string
}

/** How many bytes Drive has, or that it has the file, or that the session is over. */
type Told = { readonly _tag: "Has"; readonly bytes: number } | Step

/**
 * Sends what Drive does not have yet.
 *
 * @param isNew whether the session was opened just now, so that Drive needs not be asked how far it is
 */
export const proceed = Effect.fnUntraced(function* (job: Job, state: UploadState, url: string, isNew: boolean) {
  const { file } = job
  const session: Session = { job, state, url }
  let has = 0
  if (!isNew) {
    const told = yield* tell(session, HttpClientRequest.setHeader("content-range", `bytes */${file.size}`))
    if (told._tag !== "Has") return told
    has = told.bytes
    // Asking is all that could finish it, and did not.
    if (has >= file.size) return Step.Ended({ why: unfinished })
  }
  for (;;) {
    const length = Math.min(chunk, file.size - has)
    const bytes = yield* file.read({ from: has, length })
    const told = yield* tell(session, (request) =>
      request.pipe(
        HttpClientRequest.setHeader("content-range", `bytes ${has}-${has + length - 1}/${file.size}`),
        HttpClientRequest.bodyUint8Array(bytes, file.mimeType)
      )
    )
    if (told._tag !== "Has") return told
    if (told.bytes >= file.size) return yield* unfinished
    // It may take fewer than were sent. One that takes none is to be left alone for a while.
    if (told.bytes <= has) return yield* unavailable(`Google Drive took none of the bytes from ${has} on`)
    has = told.bytes
  }
})

const unfinished = unavailable("Google Drive has all bytes of the file and does not finish it")

const tell = Effect.fnUntraced(function* (
  session: Session,
  change: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
) {
  const { connection } = session.job
  const answer = yield* send(connection, change(HttpClientRequest.put(session.url)), [308, ...refusals])
  if (answer.status < 300) return Step.Stored({ stored: yield* readJson(DriveFile)(answer) })
  if (answer.status === 308) return yield* told(session, answer)
  const error = yield* readError(answer)
  const refusal = refusalOf(error)
  if (refusal !== undefined) return yield* refusal
  return Step.Ended({
    why: [404, 410].includes(error.status)
      ? unavailable("Google Drive ended the upload before it was complete")
      : failureOfError(error)
  })
})

/** "For any 4xx errors (including 403) … restart the upload"; without those that are about the moment or the token. */
const refusals = [400, 403, 404, 405, 409, 410, 411, 412, 413, 415, 416, 417, 422, 428, 499]

const told = Effect.fnUntraced(function* (session: Session, { headers }: HttpClientResponse.HttpClientResponse) {
  const { job, state } = session
  if (headers.location !== undefined && headers.location !== session.url) {
    session.url = headers.location
    yield* job.keep({ ...state, session: session.url })
  }
  const has = Option.getOrUndefined(stored(headers.range))
  if (has === undefined || has > job.file.size) {
    return yield* unavailable("Google Drive says it has bytes that were never sent")
  }
  return { _tag: "Has", bytes: has } satisfies Told
})

/** `bytes=0-524287`, without `bytes=` in older pages of the documentation, and nothing when there are no bytes yet. */
const stored = (range: string | undefined): Option.Option<number> => {
  if (range === undefined) return Option.some(0)
  const [, last] = /^(?:bytes[=\s])?0-(\d{1,15})$/.exec(range.trim()) ?? []
  return last === undefined ? Option.none() : Option.some(Number(last) + 1)
}
