import { Option } from "effect"
import { type Limits, retryAfter } from "nexus-integrations/plugin"
import { decodeErrors } from "./Failure.ts"

/**
 * Salesforce counts requests of an org in 24 hours, not by the second; beside that, a small org takes five slow
 * requests at once. Both limits answer 403 with `REQUEST_LIMIT_EXCEEDED` and no Retry-After; only the message tells
 * `TotalRequests Limit exceeded.` from `ConcurrentRequests (Concurrent API Requests) Limit exceeded.`
 */
export const limits: Limits = {
  concurrency: 4,
  throttled: ({ status, headers, body }, now) => {
    // What jsforce retries beside the server's faults; Salesforce documents neither.
    if (status === 420 || status === 429) return { kind: "rate", ...retryAfter({ headers }, now) }
    if (status !== 403) return undefined
    const error = Option.getOrElse(decodeErrors(body), () => []).find(
      ({ errorCode }) => errorCode === "REQUEST_LIMIT_EXCEEDED"
    )
    if (error === undefined) return undefined
    return { kind: error.message?.startsWith("Concurrent") === true ? "rate" : "quota" }
  }
}
