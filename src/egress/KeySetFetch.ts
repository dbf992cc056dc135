import { Effect } from "effect"
import { Egress } from "./Egress.ts"

/** A key set of 512 KiB holds hundreds of keys. */
const mostBytes = 524_288

/** Fetches an identity provider's key set through the egress door, in the shape that `jose` asks for. */
export const keySetFetch = Effect.gen(function* () {
  const egress = yield* Egress
  const run = Effect.runPromiseWith(yield* Effect.context())
  return (url: string, options: { readonly headers: Headers; readonly signal: AbortSignal }): Promise<Response> =>
    run(
      egress
        .request({
          url,
          method: "GET",
          headers: Object.fromEntries(options.headers),
          timeout: "5 seconds",
          maxBody: mostBytes
        })
        .pipe(Effect.map(({ status, headers, body }) => new Response(body, { status, headers }))),
      { signal: options.signal }
    )
})
