import { createHash } from "node:crypto"

/** The bytes of a file as they come to an emulated provider. Digests are kept, and of a small file its bytes. */
export interface IncomingFile {
  readonly size: number
  /** Appends bytes. */
  add(bytes: Uint8Array): void
  /** Of what has come so far, in lower-case hexadecimal. */
  digest(algorithm: "md5" | "sha1" | "sha256"): string
  /** What has come so far as UTF-8; empty when it is more than 1 MiB. */
  readonly text: string
}

const mostKept = 1024 * 1024

/** @param algorithms that will be asked for */
export const incomingFile = (algorithms: ReadonlyArray<"md5" | "sha1" | "sha256"> = ["sha256"]): IncomingFile => {
  const hashes = new Map(algorithms.map((algorithm) => [algorithm, createHash(algorithm)]))
  let kept: Array<Uint8Array> = []
  let size = 0
  return {
    get size() {
      return size
    },
    add: (bytes) => {
      size += bytes.length
      for (const hash of hashes.values()) hash.update(bytes)
      kept = size > mostKept ? [] : [...kept, bytes]
    },
    digest: (algorithm) => {
      const hash = hashes.get(algorithm)
      if (hash === undefined) throw new Error(`No ${algorithm} is kept of this file`)
      return hash.copy().digest("hex")
    },
    get text() {
      return new TextDecoder().decode(Buffer.concat(kept))
    }
  }
}
