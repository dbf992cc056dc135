/** Files as Dropbox has them. */
import { Effect, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { type ProviderError, readJson, type StoredFile } from "nexus-integrations/plugin"
import { call, type DropboxConnection } from "./Client.ts"
import { damaged, failureOfRefusal } from "./Failure.ts"
import { nameOf, parentOf } from "./Paths.ts"

/** Content, and the path that it was sent to; Dropbox may have given it another name in the same folder. */
export interface Sent {
  readonly path: string
  readonly hash: string
  readonly size: number
}

/**
 * How a file is written: over no other file, and the same content at the same path is no second file. Nobody is notified
 * of what a program of theirs has made.
 */
export const commitOf = ({ path }: Sent) => ({ path, mode: "add", autorename: true, mute: true })

const FileMetadata = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  size: Schema.Finite,
  content_hash: Schema.String,
  rev: Schema.optionalKey(Schema.String),
  preview_url: Schema.optionalKey(Schema.String)
})
type FileMetadata = typeof FileMetadata.Type

/** What lies in a folder: a file, or anything else. */
const Entry = Schema.Union([
  Schema.Struct({ ".tag": Schema.Literal("file"), ...FileMetadata.fields }),
  Schema.Struct({ ".tag": Schema.String })
])
const Listing = Schema.Struct({ entries: Schema.Array(Entry), cursor: Schema.String, has_more: Schema.Boolean })

const storedFile = ({ id, name, size, content_hash, preview_url }: FileMetadata): StoredFile => ({
  id,
  name,
  link: preview_url !== undefined && /^https:\/\/\S+$/.test(preview_url) ? preview_url : null,
  size,
  checksum: `content_hash:${content_hash}`
})

const isOf = ({ size, content_hash }: FileMetadata, sent: Sent) => size === sent.size && content_hash === sent.hash

/** What Dropbox says that it has stored. Anything but what was sent is taken away again. */
export const arrived = Effect.fnUntraced(function* (
  connection: DropboxConnection,
  answer: HttpClientResponse.HttpClientResponse,
  sent: Sent
) {
  const metadata = yield* readJson(FileMetadata)(answer)
  if (isOf(metadata, sent)) return storedFile(metadata)
  const { id, rev } = metadata
  const argument = { path: id, ...(rev === undefined ? {} : { parent_rev: rev }) }
  // If it can't be taken away, that is no other failure for whoever waits for the file.
  yield* Effect.ignore(call(connection, "files/delete_v2", argument))
  return yield* damaged
})

/**
 * The file that an earlier request stored whose answer was lost: the one of the same content at the path, or one that
 * was given another name because the path was taken. Undefined when there is none.
 */
export const find = Effect.fnUntraced(function* (
  connection: DropboxConnection,
  sent: Sent
): Effect.fn.Return<StoredFile | undefined, ProviderError> {
  const there = yield* lookUp(connection, "files/get_metadata", { path: sent.path })
  if (there === undefined) return undefined
  const entry = yield* readJson(Entry)(there)
  if ("id" in entry && isOf(entry, sent)) return storedFile(entry)

  const stem = nameOf(sent.path)
    .replace(/\.[^.]*$/, "")
    .toLowerCase()
  let page = yield* lookUp(connection, "files/list_folder", { path: parentOf(sent.path), limit: pageSize })
  while (page !== undefined) {
    const { entries, cursor, has_more } = yield* readJson(Listing)(page)
    for (const entry of entries) {
      if ("id" in entry && isOf(entry, sent) && entry.name.toLowerCase().startsWith(stem)) return storedFile(entry)
    }
    page = has_more ? yield* lookUp(connection, "files/list_folder/continue", { cursor }) : undefined
  }
  return undefined
})

/** The most that Dropbox gives. */
const pageSize = 2000

/** An answer, or undefined where nothing is at that path. */
const lookUp = (connection: DropboxConnection, route: string, argument: object) =>
  call(connection, route, argument).pipe(
    Effect.catchTag("Refused", (refusal) =>
      refusal.is("path", "not_found") ? Effect.succeed(undefined) : Effect.fail(failureOfRefusal(refusal))
    )
  )
