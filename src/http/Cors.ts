import { Config, Effect } from "effect"
import { HttpMiddleware } from "effect/http"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"

const isOrigin = (text: string) => URL.parse(text)?.origin === text && /^https?:/.test(text)

/** The origins whose pages may call the API: `CORS_ORIGINS`, separated by commas. None by default. */
export const corsOrigins = Effect.gen(function* () {
  const text = yield* Config.String("CORS_ORIGINS").pipe(Config.withDefault(""))
  const origins = text
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "")
  const wrong = origins.filter((origin) => !isOrigin(origin))
  if (wrong.length === 0) return origins
  return yield* new ConfigurationInvalid({
    problems: wrong.map((origin) => ({
      variable: "CORS_ORIGINS",
      problem: `has "${origin}", which is not an origin such as https://app.example.com (no path, no "*")`
    }))
  })
})

/** Answers preflights, and lets pages of these very origins read the answers, also to requests with credentials. */
export const cors = (origins: ReadonlyArray<string>) =>
  HttpMiddleware.cors({
    allowedOrigins: (origin) => origins.includes(origin),
    allowedMethods: ["GET", "HEAD", "POST", "PATCH", "DELETE"],
    allowedHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "Nexus-User", "Traceparent"],
    exposedHeaders: ["Idempotency-Replayed", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After"],
    credentials: true,
    maxAge: 600
  })
