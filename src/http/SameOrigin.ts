import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { Forbidden } from "../api/RequestErrors.ts"
import type { Site } from "./Site.ts"

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"])

/**
 * Refuses what would change something unless a page of this very service asks: browsers send cookies along whoever
 * asks, and say in `Origin` who that is. Gives the request.
 */
export const fromOwnPage = Effect.fnUntraced(function* ({ origin }: Site["Service"]) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const asking = request.headers.origin
  if (safe.has(request.method) || asking === origin) return request
  const whose = asking === undefined ? "names no page that it comes from (Origin)" : `comes from another origin`
  return yield* new Forbidden({
    reason: `This request ${whose}. With the cookie of a session only pages of ${origin} (PUBLIC_URL) may change something; from elsewhere, send a token`
  })
})
