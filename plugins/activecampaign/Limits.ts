/** How much an account takes. All of its keys share it. */
import { type Limits, retryAfter } from "nexus-integrations/plugin"

/**
 * Five requests a second; above them 429 with `Retry-After`. Imports have a limit of their own, 100 a minute (20 of a
 * single contact), and say so with a 400.
 */
export const limits: Limits = {
  concurrency: 5,
  requests: { limit: 5, window: "1 second" },
  throttled: ({ status, headers, body }, now) => {
    if (status === 400 && /"message"\s*:\s*"Rate limit exceeded/.test(body)) {
      return { kind: "rate", retryAfter: "1 minute" }
    }
    if (status !== 429) return undefined
    return { kind: "rate", ...retryAfter({ headers }, now) }
  }
}
