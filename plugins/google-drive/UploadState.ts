import { Option, Schema } from "effect"

/** What is kept of an upload, before each request that it is about. */
const UploadState = Schema.fromJsonString(
  Schema.Struct({
    /** The id that the file has, or will have. */
    id: Schema.String,
    /** SHA-256 of all bytes that were ever sent under this id; the last one is of those that are sent now. */
    digests: Schema.Array(Schema.String),
    /** Where the bytes go; null before the session was opened, and where one request takes them all. */
    session: Schema.NullOr(Schema.String)
  })
)
export type UploadState = typeof UploadState.Type

const decode = Schema.decodeOption(UploadState)

export const encodeState = Schema.encodeSync(UploadState)

/** Nothing for an upload that has not begun, or that ended with a file that is of no use. */
export const decodeState = (kept: string | null): UploadState | undefined =>
  kept === null ? undefined : Option.getOrUndefined(decode(kept))

/** What is kept when the id is of no use any more. */
export const forgotten = ""
