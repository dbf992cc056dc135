/** Files on this machine's disk, on their way to a provider. */
import { createHash } from "node:crypto"
import { Effect, FileSystem, Schema, Scope, Stream } from "effect"
import type { ByteRange, OutgoingFile } from "../plugin/Files.ts"
import { fileName } from "./FileName.ts"

/** Bytes that are read at once for a digest. */
const chunkSize = 256 * 1024

/** This machine has no room for the file, or no folder that it may write to. The provider has nothing to do with it. */
export class SpoolFailed extends Schema.TaggedError<SpoolFailed>()("SpoolFailed", {}) {
  override get message() {
    return "The service could not write the file to its own disk, so nothing was sent. Whoever runs it finds the reason in its log"
  }
}

/**
 * Makes a function that writes a stream to a temporary file, which lasts as long as the scope. It has no name from the
 * beginning on: nobody else can open it, and nothing is left of it when this process is killed.
 */
export const makeSpool = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem

  const nameless = Effect.gen(function* () {
    const scope = yield* Effect.scope
    const opened = Effect.gen(function* () {
      const path = yield* fs.makeTempFileScoped({ prefix: "nexus-file-" })
      return yield* Effect.provideService(fs.open(path, { flag: "r+" }), Scope.Scope, scope)
    })
    return yield* Effect.scoped(opened)
  })

  return Effect.fn("Spool")(function* (
    content: Stream.Stream<Uint8Array>,
    { name, mimeType }: Pick<OutgoingFile, "name" | "mimeType">
  ): Effect.fn.Return<OutgoingFile, SpoolFailed, Scope.Scope> {
    let size = 0
    const disk = yield* nameless.pipe(
      Effect.tap((disk) =>
        Stream.runForEach(content, (bytes) => {
          size += bytes.length
          return disk.writeAll(bytes)
        })
      ),
      Effect.tapError((error) => Effect.logError("A file could not be written before it is sent", error)),
      Effect.mapError(() => new SpoolFailed())
    )
    /** Fewer bytes than are wanted at the end of the file. */
    const read = Effect.fn("Spool.read")(function* ({ from, length }: ByteRange) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - from)))
      for (let has = 0; has < bytes.length; ) {
        const more = Number(yield* disk.read(bytes.subarray(has), { position: BigInt(from + has) }))
        if (more === 0) return yield* Effect.die(new Error("A file on its way to a provider became shorter"))
        has += more
      }
      return bytes
    }, Effect.orDie)
    return {
      name: fileName(name),
      mimeType,
      size,
      read,
      digest: Effect.fn("Spool.digest")(function* (algorithm, { from, length } = { from: 0, length: size }) {
        const hash = createHash(algorithm)
        for (let at = from; at < from + length; at += chunkSize) {
          hash.update(yield* read({ from: at, length: Math.min(chunkSize, from + length - at) }))
        }
        return hash.digest("hex")
      })
    }
  })
})
