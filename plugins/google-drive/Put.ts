/** Brings a file to Drive, once, whatever is lost on the way. */
import { Effect } from "effect"
import { type Files, type OutgoingFile, type StoredFile, unavailable } from "nexus-integrations/plugin"
import { begin } from "./Begin.ts"
import type { credentials, DriveConnection, settings } from "./Client.ts"
import { type DriveFile, findFile, generateId, trash } from "./DriveFile.ts"
import type { Job, Step } from "./Job.ts"
import { proceed } from "./Session.ts"
import { decodeState, encodeState, forgotten, type UploadState } from "./UploadState.ts"

type Put = Files<typeof credentials.Type, typeof settings.Type>["put"]

/** Most steps of one call: a session that has ended, a folder and an id that are of no use, and those that work. */
const mostSteps = 6

export const put: Put = Effect.fn("GoogleDrive.put")(function* (connection, file, { kept, keep }) {
  const job: Job = { connection, file, keep: (state) => keep(encodeState(state)) }
  const before = decodeState(kept)
  let state = yield* continued(connection, before, yield* file.digest("sha256"))
  if (before !== undefined && state.session === null) {
    const stored = yield* findFile(connection, state.id)
    if (stored !== undefined) return yield* settled(job, keep(forgotten), state, stored)
  }
  if (state !== before) yield* job.keep(state)

  let isNew = false
  let isSecond = false
  let last = unavailable(`Google Drive does not take the file ${file.name}`)
  for (let step = 0; step < mostSteps; step++) {
    const next: Step = yield* state.session === null ? begin(job, state) : proceed(job, state, state.session, isNew)
    if (next._tag === "Stored") return yield* settled(job, keep(forgotten), state, next.stored)
    isNew = next._tag === "Opened"
    if (next._tag === "Opened") {
      state = { ...state, session: next.session }
    } else {
      last = next.why
      state = { ...state, session: null }
    }
    if (next._tag === "IdUnusable") state = { ...state, id: yield* generateId(connection) }
    if (next._tag === "Ended") {
      // All bytes may have come before it ended, and the answer that said so was lost.
      const stored = yield* findFile(connection, state.id)
      if (stored !== undefined) return yield* settled(job, keep(forgotten), state, stored)
    }
    yield* job.keep(state)
    // What ends session after session would do so for ever.
    if (next._tag === "Ended" && isSecond) break
    isSecond ||= next._tag === "Ended"
  }
  return yield* last
})

/** Where to go on. Bytes that have changed since go under the same id, so that only one of both can become a file. */
const continued = Effect.fnUntraced(function* (
  connection: DriveConnection,
  before: UploadState | undefined,
  digest: string
) {
  if (before === undefined) return { id: yield* generateId(connection), digests: [digest], session: null }
  const { id, digests } = before
  if (digests.at(-1) === digest) return before
  return { id, digests: [...digests.filter((other) => other !== digest), digest], session: null }
})

/** What Drive has, once it is seen to be what was sent, now or before a crash. */
const settled = Effect.fnUntraced(function* (
  { connection, file }: Job,
  forget: Effect.Effect<void>,
  { id, digests }: UploadState,
  stored: DriveFile
) {
  const checksum = yield* checked(file, digests, stored)
  if (checksum === "none") return yield* unavailable(`Google Drive has no checksum of ${file.name} yet`)
  if (checksum !== "wrong") {
    const { name, webViewLink = null, size = "0" } = stored
    return { id, name, link: webViewLink, size: Number(size), checksum } satisfies StoredFile
  }
  yield* trash(connection, id)
  yield* forget
  return yield* unavailable(
    `${file.name} came across damaged. Google Drive has it in its trash, and it will be sent again`
  )
})

const checked = Effect.fnUntraced(function* (
  file: OutgoingFile,
  digests: ReadonlyArray<string>,
  { sha256Checksum, md5Checksum }: DriveFile
) {
  if (sha256Checksum !== undefined) return digests.includes(sha256Checksum) ? `sha256:${sha256Checksum}` : "wrong"
  if (md5Checksum === undefined) return "none"
  return md5Checksum === (yield* file.digest("md5")) ? `md5:${md5Checksum}` : "wrong"
})
