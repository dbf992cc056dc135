import { Duration } from "effect"
import type { Limits } from "nexus-integrations/plugin"

/**
 * About 30 requests a second for each hook, 10,000 in five minutes for each Zapier user and 1,000 for a legacy URL;
 * past them 429 (Zapier's operating constraints and its help on rate limits). Whether a wait comes with it is not
 * documented, so it is read when it is there.
 */
export const limits: Limits = {
  concurrency: 10,
  requests: { limit: 30, window: "1 second" },
  throttled: ({ status, headers }) => {
    if (status !== 429) return undefined
    const seconds = headers["retry-after"]
    return seconds !== undefined && /^\d+$/.test(seconds)
      ? { kind: "rate", retryAfter: Duration.seconds(Number(seconds)) }
      : { kind: "rate" }
  }
}
