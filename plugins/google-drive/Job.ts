import { Data, type Effect } from "effect"
import type { OutgoingFile, ProviderError } from "nexus-integrations/plugin"
import type { DriveConnection } from "./Client.ts"
import type { DriveFile } from "./DriveFile.ts"
import type { UploadState } from "./UploadState.ts"

/** One call of `put`. */
export interface Job {
  readonly connection: DriveConnection
  readonly file: OutgoingFile
  keep(state: UploadState): Effect.Effect<void>
}

/** Where a step of an upload leads. */
export type Step = Data.TaggedEnum<{
  /** Drive has a file under the id. */
  Stored: { readonly stored: DriveFile }
  /** It takes the bytes there. */
  Opened: { readonly session: string }
  /** It takes no more bytes there. They may all have come, though. */
  Ended: { readonly why: ProviderError }
  /** It makes no file with the id. */
  IdUnusable: { readonly why: ProviderError }
  /** It makes no file in the folder. */
  FolderUnusable: { readonly why: ProviderError }
}>
export const Step = Data.taggedEnum<Step>()
