import { type Limits, retryAfter } from "nexus-integrations/plugin"
import { errorOf } from "./DriveError.ts"

/** What Drive calls too many requests just now. Both come as 403, the first as 429 too. */
const rates = ["rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED"]

/**
 * Drive takes 12,000 requests a minute of a user and of all users of a client together (usage limits), so each gets a
 * share of these. A Retry-After is not documented, and followed where there is one.
 */
export const limits: Limits = {
  concurrency: 4,
  requests: { limit: 600, window: "1 minute" },
  throttled: ({ status, headers, body }, now) => {
    if (status !== 403 && status !== 429) return undefined
    const { reasons } = errorOf(status, body)
    if (reasons.includes("dailyLimitExceeded")) return { kind: "quota" }
    if (status === 429 || reasons.some((reason) => rates.includes(reason))) {
      return { kind: "rate", ...retryAfter({ headers }, now) }
    }
    return undefined
  }
}
