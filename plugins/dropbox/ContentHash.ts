/** Dropbox's checksum, by which it says what it has: see "Content hash" in its reference. */
import { Effect } from "effect"
import { digest, type OutgoingFile } from "nexus-integrations/plugin"

/** 4 MiB. */
const blockSize = 4 * 1024 * 1024

/** The SHA-256 of the SHA-256s of the blocks, in lower-case hexadecimal. */
const ofBlocks = (digests: ReadonlyArray<string>) => digest("sha256", Buffer.from(digests.join(""), "hex"))

const blocksOf = (size: number) =>
  Array.from({ length: Math.ceil(size / blockSize) }, (_, index) => ({
    from: index * blockSize,
    length: Math.min(blockSize, size - index * blockSize)
  }))

/** Of a whole file. */
export const contentHashOf = (file: OutgoingFile): Effect.Effect<string> =>
  Effect.map(
    Effect.forEach(blocksOf(file.size), (block) => file.digest("sha256", block)),
    ofBlocks
  )

/** Of the bytes of one request. */
export const contentHash = (bytes: Uint8Array): string =>
  ofBlocks(blocksOf(bytes.length).map(({ from, length }) => digest("sha256", bytes.subarray(from, from + length))))
