import { Readable } from "node:stream"
import { Effect, type FileSystem, type Scope, Stream } from "effect"
import type { HttpServerRequest } from "effect/http"
import { BodyTooLarge, UnsupportedBody } from "../api/RequestErrors.ts"

/**
 * Writes the body of a request into a temporary file as it comes, and gives its path; the file is deleted with the
 * scope. However slow the client is, nothing but the disk waits for it. A body of another type or more bytes than
 * `limit` dies as {@link UnsupportedBody} or {@link BodyTooLarge}; one whose length is announced is judged before
 * anything is read.
 */
export const spoolBody = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  request: HttpServerRequest.HttpServerRequest,
  expected: string,
  limit: number
): Effect.fn.Return<string, never, Scope.Scope> {
  const { source, headers } = request
  const contentType = (headers["content-type"] ?? "of no type").slice(0, 100)
  const encoding = headers["content-encoding"] ?? "identity"
  if (encoding !== "identity") {
    return yield* Effect.die(
      new UnsupportedBody({ contentType: `encoded (${encoding.slice(0, 50)})`, expected: `${expected} as it is` })
    )
  }
  if (contentType.split(";", 1)[0]?.trim().toLowerCase() !== expected) {
    return yield* Effect.die(new UnsupportedBody({ contentType, expected: `"Content-Type: ${expected}"` }))
  }
  const tooLarge = new BodyTooLarge({ limit })
  if (Number(headers["content-length"] ?? 0) > limit) return yield* Effect.die(tooLarge)
  if (!(source instanceof Readable)) return yield* Effect.die(new Error("The request has no body that can be read"))

  const path = yield* Effect.orDie(fs.makeTempFileScoped({ prefix: "nexus-body-" }))
  let size = 0
  // The rest of too large a body is thrown away as it comes, so that the connection lives to carry the answer.
  const chunks: AsyncIterable<Uint8Array> = source.iterator({ destroyOnReturn: false })
  yield* Stream.fromAsyncIterable(chunks, () => "gone" as const).pipe(
    Stream.tap((chunk) => {
      size += chunk.length
      return size > limit ? Effect.die(tooLarge) : Effect.void
    }),
    Stream.run(fs.sink(path)),
    Effect.onError(() => Effect.sync(() => source.resume())),
    Effect.catchIf(
      (error) => error === "gone",
      () => Effect.interrupt
    ),
    Effect.orDie
  )
  return path
})
