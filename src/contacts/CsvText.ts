import { Effect, Stream } from "effect"
import { InvalidCsv } from "../domain/ContactErrors.ts"

type Decoder = InstanceType<typeof TextDecoder>

/** How far a file is read. */
interface Read {
  readonly decoder: Decoder
  readonly line: number
  /** The last bytes of the chunk before, in which a character may have begun. */
  readonly tail: Uint8Array
}

const lineFeed = 10
const strict = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const start = (): Read => ({ decoder: strict(), line: 1, tail: new Uint8Array() })

/** Bytes as they are, after a look whether they are a text that can be stored: UTF-8, without NUL. */
export const onlyText = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, E | InvalidCsv> =>
  // The empty chunk at the end stands for it: a character may be cut off there.
  Stream.concat(bytes, Stream.succeed(new Uint8Array())).pipe(
    Stream.mapAccumEffect(start, (read, chunk: Uint8Array) =>
      Effect.gen(function* () {
        const zero = chunk.indexOf(0)
        if (zero >= 0) {
          const line = read.line + linesIn(chunk.subarray(0, zero))
          return yield* new InvalidCsv({ line, reason: "there is a NUL character in it, which no text has" })
        }
        const isText = yield* Effect.sync(() => decodes(read.decoder, chunk, chunk.length > 0))
        if (!isText) return yield* new InvalidCsv({ line: badLine(read, chunk), reason: notUtf8 })
        const next = { decoder: read.decoder, line: read.line + linesIn(chunk), tail: chunk.slice(-3) }
        return [next, [chunk]] as const
      })
    ),
    Stream.filter((chunk) => chunk.length > 0)
  )

const notUtf8 = 'it is not UTF-8. Save the file as "CSV UTF-8"'

const decodes = (decoder: Decoder, bytes: Uint8Array, more: boolean) => {
  try {
    decoder.decode(bytes, { stream: more })
    return true
  } catch {
    return false
  }
}

const linesIn = (bytes: Uint8Array) => {
  let count = 0
  for (const byte of bytes) if (byte === lineFeed) count++
  return count
}

/** The line at which a chunk stops being UTF-8: the first that does not decode by itself. */
const badLine = ({ line, tail }: Read, chunk: Uint8Array) => {
  const begun = tail.findIndex((byte) => (byte & 0xc0) !== 0x80)
  const bytes = Buffer.concat([tail.subarray(Math.max(begun, 0)), chunk])
  let bad = line - linesIn(tail.subarray(Math.max(begun, 0)))
  for (let from = 0; from < bytes.length; bad++) {
    const end = bytes.indexOf(lineFeed, from) + 1 || bytes.length
    if (!decodes(strict(), bytes.subarray(from, end), false)) return bad
    from = end
  }
  return bad
}
