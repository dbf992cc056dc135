/** Files go to Dropbox in one request, or in an upload session where they are larger than one chunk. */
import { Effect, Option, Schema } from "effect"
import type { OutgoingFile, Upload } from "nexus-integrations/plugin"
import { type DropboxConnection, orFail, upload } from "./Client.ts"
import { contentHashOf } from "./ContentHash.ts"
import { pathOf } from "./Paths.ts"
import { arrived, commitOf, find, type Sent } from "./Stored.ts"
import { type Cursor, chunkSize, putInSession } from "./UploadSession.ts"

/** What is kept before a request: what it is to bring, and where. */
const Kept = Schema.fromJsonString(
  Schema.Struct({
    path: Schema.String,
    hash: Schema.String,
    size: Schema.Int,
    /** Null for a file that goes in one request. */
    cursor: Schema.NullOr(Schema.Struct({ session: Schema.String, offset: Schema.Int }))
  })
)
const decodeKept = Schema.decodeUnknownOption(Kept)
const encodeKept = Schema.encodeSync(Kept)

/** Brings a file to the folder of the settings. Dropbox makes the folders that are missing. */
export const put = Effect.fn("Dropbox.put")(function* (
  connection: DropboxConnection,
  file: OutgoingFile,
  { kept, keep }: Upload
) {
  const sent: Sent = {
    path: pathOf(connection.settings.folder, file.name),
    hash: yield* contentHashOf(file),
    size: file.size
  }
  const before = Option.getOrUndefined(decodeKept(kept))
  if (before !== undefined && (before.cursor === null || before.cursor.offset === before.size)) {
    // The request that makes the file was sent, and perhaps its answer was lost.
    const there = yield* find(connection, before)
    if (there !== undefined) return there
  }
  let last = kept
  const remember = Effect.fnUntraced(function* (cursor: Cursor | null) {
    const state = encodeKept({ ...sent, cursor })
    if (state !== last) yield* keep(state)
    last = state
  })
  if (file.size > chunkSize) {
    const cursor = before !== undefined && before.hash === sent.hash ? before.cursor : null
    return yield* putInSession(connection, file, sent, cursor, remember)
  }
  yield* remember(null)
  const bytes = yield* file.read({ from: 0, length: file.size })
  const argument = { ...commitOf(sent), content_hash: sent.hash }
  return yield* arrived(connection, yield* orFail(upload(connection, "files/upload", argument, bytes)), sent)
})
