import { Readable } from "node:stream"
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { BodyTooLarge, InvalidRequest, UnsupportedBody } from "../api/RequestErrors.ts"
import { nestsDeeper } from "../outbox/RawJson.ts"

/** The largest body that is read into memory. Endpoints that stream theirs have limits of their own. */
export const mostBodyBytes = 1024 * 1024

/** How deep the JSON of a body may nest: deeper ones would break what walks them. */
const mostLevels = 500

const utf8 = new TextDecoder("utf-8", { fatal: true })

/**
 * The request with a body that is never buffered beyond {@link mostBodyBytes}: a length that is announced is judged
 * before anything is read, one that is not while it arrives. Too large a body dies as {@link BodyTooLarge}. Effect's
 * own limit, `MaxBodySize`, would close the connection instead of answering.
 */
export const withLimitedBody = (request: HttpServerRequest.HttpServerRequest): HttpServerRequest.HttpServerRequest => {
  const bytes = Effect.runSync(Effect.cached(Effect.suspend(() => readBody(request))))
  const text = Effect.flatMap(bytes, (body) =>
    Effect.orElseSucceed(
      Effect.try(() => utf8.decode(body)),
      () => null
    )
  ).pipe(
    Effect.filterOrElse(
      (text) => text !== null,
      () => notUtf8
    ),
    Effect.filterOrElse(
      (text) => !nestsDeeper(text, mostLevels),
      () => tooDeep
    )
  )
  return Object.create(request, { arrayBuffer: { value: bytes }, text: { value: text } })
}

const tooLarge = Effect.die(new BodyTooLarge({ limit: mostBodyBytes }))
const invalid = (message: string) => Effect.die(new InvalidRequest({ errors: [{ path: "body", message }] }))
const notUtf8 = invalid("The body is not UTF-8")
const tooDeep = invalid(`The body nests deeper than ${mostLevels} levels`)

const readBody = ({ source, headers }: HttpServerRequest.HttpServerRequest): Effect.Effect<Uint8Array> => {
  const encoding = headers["content-encoding"] ?? "identity"
  if (encoding !== "identity")
    return Effect.die(new UnsupportedBody({ contentType: `encoded (${encoding.slice(0, 50)})` }))
  if (Number(headers["content-length"] ?? 0) > mostBodyBytes) return tooLarge
  if (!(source instanceof Readable)) return Effect.die(new Error("The request has no body that can be read"))
  return Effect.callback<Uint8Array>((resume) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const stop = () => {
      source.off("data", take).off("end", end).off("error", fail).off("close", fail)
    }
    const take = (chunk: Uint8Array) => {
      size += chunk.length
      if (size <= mostBodyBytes) return chunks.push(chunk)
      stop()
      // The rest is thrown away as it comes, so that the connection lives long enough to carry the answer.
      source.resume()
      resume(tooLarge)
    }
    const end = () => {
      stop()
      resume(Effect.succeed(join(chunks, size)))
    }
    const fail = () => {
      stop()
      resume(Effect.interrupt)
    }
    source.on("data", take).once("end", end).once("error", fail).once("close", fail)
    return Effect.sync(stop)
  })
}

const join = (chunks: ReadonlyArray<Uint8Array>, size: number) => {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
