import { Config, Effect, Schema } from "effect"

/** The port of the HTTP API: `PORT`, 3001 by default; 0 is any port that is free. */
export const port = Config.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })), "PORT").pipe(
  Config.withDefault(3001)
)

const WebAddress = Schema.String.check(
  Schema.makeFilter(
    (text) =>
      /^https?:$/.test(URL.parse(text)?.protocol ?? "") || "must be an address such as https://nexus.example.com"
  )
)

/**
 * The address that people and providers reach this service at: `PUBLIC_URL`, without a slash at its end.
 *
 * @param listening the port that the service listens on in fact, which is another than `PORT` where that is 0
 */
export const publicUrlAt = Effect.fnUntraced(function* (listening: number) {
  const url = yield* Config.schema(WebAddress, "PUBLIC_URL").pipe(Config.withDefault(`http://localhost:${listening}`))
  return url.replace(/\/+$/, "")
})

/** {@link publicUrlAt} the port that is configured. */
export const publicUrl = Effect.flatMap(port, publicUrlAt)
