/** What a plugin does with files. */
import type { Effect } from "effect"
import type { Connection } from "./Provider.ts"
import type { ProviderError } from "./ProviderError.ts"

/** A range of bytes. */
export interface ByteRange {
  readonly from: number
  readonly length: number
}

/** A file that goes to a provider. It lies on this machine, so that any part of it can be sent again. */
export interface OutgoingFile {
  /** Without a path, and of characters that a file name can have. */
  readonly name: string
  /** `text/csv` */
  readonly mimeType: string
  /** In bytes. */
  readonly size: number
  /** Bytes of it, held in memory: ask for no more than a request takes. */
  read(range: ByteRange): Effect.Effect<Uint8Array>
  /** The digest of all of it, or of a range, in lower-case hexadecimal. */
  digest(algorithm: "md5" | "sha1" | "sha256", range?: ByteRange): Effect.Effect<string>
}

/** How far an upload is, from one call of `put` to the next, which may be in another process. */
export interface Upload {
  /**
   * What the call before kept; null in the first one. After a crash the file may be another one of the same name, so
   * whoever keeps an upload session keeps the digest of what it was for.
   */
  readonly kept: string | null
  /**
   * Keeps where to go on. It is sealed, as the URL of an upload session is as good as a token. The call is interrupted
   * here, and where bytes are read, when its run was cancelled or is another process's by now.
   */
  keep(state: string): Effect.Effect<void>
}

/** A file as the provider has it. */
export interface StoredFile {
  readonly id: string
  /** As it is called there, which may be another name than was asked for. */
  readonly name: string
  /** Where its owner finds it in a browser; null where there is no such address. */
  readonly link: string | null
  /** In bytes. */
  readonly size: number
  /** The provider's checksum, with which this one was compared: `sha256:…` */
  readonly checksum: string
}

/** What a plugin does with files. */
export interface Files<Credentials, Settings> {
  /**
   * Brings a file to the provider, and has seen that its checksum there is the same. It is called again with what was
   * kept after any failure that may pass, also when the answer to the last request was lost, and must not make a second
   * file then.
   */
  readonly put: (
    connection: Connection<Credentials, Settings>,
    file: OutgoingFile,
    upload: Upload
  ) => Effect.Effect<StoredFile, ProviderError>
}

/** The files of a provider with one user's connection filled in. */
export interface SessionFiles {
  put(file: OutgoingFile, upload: Upload): Effect.Effect<StoredFile, ProviderError>
}
