import { createHash } from "node:crypto"

/** The bytes of a file, as an emulator has them: what can be known of them, and not the bytes. */
export interface EmulatedContent {
  /** Takes the bytes that come next. */
  add(bytes: Uint8Array): void
  readonly size: number
  /** Of all that came so far, in lower-case hexadecimal. */
  digest(algorithm: "md5" | "sha1" | "sha256"): string
  /** As UTF-8, of content up to 1 MiB; empty for a larger one. */
  readonly text: string
}

/** Bytes of which a text is kept. */
const mostKept = 1024 * 1024

/** New content without bytes. Files of any size go through it in bounded memory. */
export const emulatedContent = (): EmulatedContent => {
  const hashes = { md5: createHash("md5"), sha1: createHash("sha1"), sha256: createHash("sha256") }
  let size = 0
  let kept: Array<Buffer> = []
  return {
    add: (bytes) => {
      for (const hash of Object.values(hashes)) hash.update(bytes)
      size += bytes.length
      if (size <= mostKept) kept.push(Buffer.from(bytes))
      else kept = []
    },
    get size() {
      return size
    },
    digest: (algorithm) => hashes[algorithm].copy().digest("hex"),
    get text() {
      return Buffer.concat(kept).toString("utf8")
    }
  }
}
