import { Config, Effect } from "effect"

/** The port of the HTTP API: `PORT`, 3001 by default. */
export const port = Config.Port("PORT").pipe(Config.withDefault(3001))

/**
 * The address that people and providers reach this service at: `PUBLIC_URL`, without a slash at its end.
 *
 * @param listening the port that the service listens on in fact, which is another than `PORT` where that is 0
 */
export const publicUrlAt = Effect.fnUntraced(function* (listening: number) {
  const url = yield* Config.String("PUBLIC_URL").pipe(Config.withDefault(`http://localhost:${listening}`))
  return url.replace(/\/+$/, "")
})

/** {@link publicUrlAt} the port that is configured. */
export const publicUrl = Effect.flatMap(port, publicUrlAt)
