/** Files in several requests. A session lasts for a week, and knows how much of the file it has. */
import { Effect, Schema } from "effect"
import {
  type OutgoingFile,
  type ProviderError,
  readJson,
  type StoredFile,
  unavailable
} from "nexus-integrations/plugin"
import { type DropboxConnection, orFail, upload } from "./Client.ts"
import { contentHash } from "./ContentHash.ts"
import { failureOfRefusal, type Refused } from "./Failure.ts"
import { arrived, commitOf, find, type Sent } from "./Stored.ts"

/** Bytes of one request: two blocks of the content hash. */
export const chunkSize = 8 * 1024 * 1024

/** Where an upload is to go on. */
export interface Cursor {
  readonly session: string
  readonly offset: number
}

/** How often a session may be somewhere else than it was thought to be, within one call. */
const mostStrays = 5

const Started = Schema.Struct({ session_id: Schema.String })

/** Brings a file in a session, from a cursor on if there is one. `remember` is called before each request. */
export const putInSession = Effect.fnUntraced(function* (
  connection: DropboxConnection,
  file: OutgoingFile,
  sent: Sent,
  from: Cursor | null,
  remember: (cursor: Cursor) => Effect.Effect<void>
): Effect.fn.Return<StoredFile, ProviderError> {
  let cursor = from ?? (yield* start(connection))
  let strays = 0
  while (strays <= mostStrays) {
    yield* remember(cursor)
    const length = Math.min(chunkSize, sent.size - cursor.offset)
    const next =
      length === 0 ? yield* finish(connection, sent, cursor) : yield* append(connection, file, cursor, length)
    if (!("session" in next)) return next
    if (next.session !== cursor.session || next.offset !== cursor.offset + length) strays++
    cursor = next
  }
  return yield* unavailable("Dropbox lost track of the upload")
})

const start = Effect.fnUntraced(function* (connection: DropboxConnection) {
  const answer = yield* orFail(upload(connection, "files/upload_session/start", { close: false }, empty))
  const { session_id } = yield* readJson(Started)(answer)
  return { session: session_id, offset: 0 } satisfies Cursor
})

const append = Effect.fnUntraced(function* (
  connection: DropboxConnection,
  file: OutgoingFile,
  cursor: Cursor,
  length: number
) {
  const bytes = yield* file.read({ from: cursor.offset, length })
  const argument = { cursor: cursorOf(cursor), close: false, content_hash: contentHash(bytes) }
  return yield* upload(connection, "files/upload_session/append_v2", argument, bytes).pipe(
    Effect.as({ ...cursor, offset: cursor.offset + length }),
    Effect.catchTag("Refused", (refusal) => {
      const correct = correctOffset(refusal, file.size)
      if (correct !== undefined) return Effect.succeed({ ...cursor, offset: correct })
      return isLost(refusal) ? start(connection) : Effect.fail(failureOfRefusal(refusal))
    })
  )
})

/** Makes the file of what the session has. */
const finish = Effect.fnUntraced(function* (connection: DropboxConnection, sent: Sent, cursor: Cursor) {
  const argument = { cursor: cursorOf(cursor), commit: commitOf(sent) }
  return yield* upload(connection, "files/upload_session/finish", argument, empty).pipe(
    Effect.flatMap((answer) => arrived(connection, answer, sent)),
    Effect.catchTag("Refused", (refusal): Effect.Effect<StoredFile | Cursor, ProviderError> => {
      const correct = correctOffset(refusal, sent.size)
      if (correct !== undefined) return Effect.succeed({ ...cursor, offset: correct })
      if (!isLost(refusal)) return Effect.fail(failureOfRefusal(refusal))
      // A session is over once a file was made of it, which an earlier request may have done whose answer was lost.
      return Effect.flatMap(
        find(connection, sent),
        (there): Effect.Effect<StoredFile | Cursor, ProviderError> =>
          there === undefined ? start(connection) : Effect.succeed(there)
      )
    })
  )
})

const empty = new Uint8Array(0)

const cursorOf = ({ session, offset }: Cursor) => ({ session_id: session, offset })

/** The error of a session's lookup, which `finish` wraps. */
const lookupOf = ({ tags: [first, ...others] }: Refused) => (first === "lookup_failed" ? others[0] : first)

/** Where the session is, if it is at a place in the file. */
const correctOffset = (refusal: Refused, size: number): number | undefined => {
  const { correctOffset: offset } = refusal
  const isPlace = offset !== undefined && Number.isSafeInteger(offset) && offset >= 0 && offset <= size
  return lookupOf(refusal) === "incorrect_offset" && isPlace ? offset : undefined
}

/** The session is of no use any more: forgotten after a week, ended, or further than the file is long. */
const isLost = (refusal: Refused): boolean =>
  ["not_found", "closed", "incorrect_offset"].includes(lookupOf(refusal) ?? "")
