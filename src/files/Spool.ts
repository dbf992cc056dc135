/** Files on this machine's disk, on their way to a provider. */
import { createHash } from "node:crypto"
import { Effect, FileSystem, type Scope, Stream } from "effect"
import type { ByteRange, OutgoingFile } from "../plugin/Files.ts"
import { type ProviderError, unavailable } from "../plugin/ProviderError.ts"
import { fileName } from "./FileName.ts"

/** Bytes that are read at once for a digest. */
const chunkSize = 256 * 1024

/** Makes a function that writes a stream to a temporary file, which lasts as long as the scope. */
export const makeSpool = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem

  return Effect.fn("Spool")(function* (
    content: Stream.Stream<Uint8Array>,
    { name, mimeType }: Pick<OutgoingFile, "name" | "mimeType">
  ): Effect.fn.Return<OutgoingFile, ProviderError, Scope.Scope> {
    const path = yield* fs.makeTempFileScoped({ prefix: "nexus-file-" }).pipe(
      Effect.tap((path) => Stream.run(content, fs.sink(path))),
      Effect.tapError((error) => Effect.logError("A file could not be written before it is sent", error)),
      Effect.mapError(() => unavailable("the service could not write the file on its own disk first"))
    )
    const size = Number((yield* Effect.orDie(fs.stat(path))).size)
    const bytes = ({ from, length }: ByteRange) =>
      fs.stream(path, { offset: from, bytesToRead: length, chunkSize }).pipe(Stream.orDie)
    return {
      name: fileName(name),
      mimeType,
      size,
      read: Effect.fn("Spool.read")(function* (range: ByteRange) {
        const chunks = yield* Stream.runCollect(bytes(range))
        return Buffer.concat(chunks)
      }),
      digest: Effect.fn("Spool.digest")(function* (algorithm, range = { from: 0, length: size }) {
        const hash = createHash(algorithm)
        yield* Stream.runForEach(bytes(range), (chunk) => Effect.sync(() => hash.update(chunk)))
        return hash.digest("hex")
      })
    }
  })
})
