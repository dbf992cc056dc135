import { Config, Effect } from "effect"

/** The port of the HTTP API: `PORT`, 3001 by default. */
export const port = Config.Port("PORT").pipe(Config.withDefault(3001))

/** The address that people and providers reach this service at: `PUBLIC_URL`, without a slash at its end. */
export const publicUrl = Effect.gen(function* () {
  const url = yield* Config.String("PUBLIC_URL").pipe(Config.withDefault(`http://localhost:${yield* port}`))
  return url.replace(/\/+$/, "")
})
