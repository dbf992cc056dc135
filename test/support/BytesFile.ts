import { createHash } from "node:crypto"
import { Effect } from "effect"
import type { ByteRange, OutgoingFile } from "../../src/plugin/Files.ts"

const pageSize = 64 * 1024
/** Read at once for a digest. */
const chunkSize = 1024 * 1024

/**
 * A file whose bytes are made when they are read, always the same ones for a seed, so that files of any size take no
 * memory. Every page is different and no page repeats within itself: bytes that are missing, doubled or swapped show in
 * the digest.
 */
export const bytesFile = (name: string, size: number, seed = 1, mimeType = "text/csv"): OutgoingFile => {
  const page = pageOf(seed)

  const bytes = ({ from, length }: ByteRange): Uint8Array => {
    if (from < 0 || length < 0 || from + length > size) {
      throw new RangeError(`There are no ${length} bytes at ${from} in a file of ${size}`)
    }
    const read = Buffer.alloc(length)
    for (let done = 0; done < length; ) {
      const at = from + done
      const offset = at % pageSize
      page.writeDoubleLE(Math.floor(at / pageSize))
      done += page.copy(read, done, offset, Math.min(pageSize, offset + length - done))
    }
    return read
  }

  return {
    name,
    mimeType,
    size,
    read: (range) => Effect.sync(() => bytes(range)),
    digest: (algorithm, range = { from: 0, length: size }) =>
      Effect.sync(() => {
        const hash = createHash(algorithm)
        for (let done = 0; done < range.length; done += chunkSize) {
          hash.update(bytes({ from: range.from + done, length: Math.min(chunkSize, range.length - done) }))
        }
        return hash.digest("hex")
      })
  }
}

/** A page of bytes without a pattern (xorshift32); its first eight are for its number. */
const pageOf = (seed: number): Buffer => {
  const page = Buffer.alloc(pageSize)
  let state = Math.imul(seed, 0x9e3779b1) | 1
  for (let at = 0; at < pageSize; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    page.writeInt32LE(state, at)
  }
  return page
}
