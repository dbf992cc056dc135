import { type Limits, retryAfter } from "nexus-integrations/plugin"

/**
 * About 30 requests a second for each hook, 10,000 in five minutes for each Zapier user and 1,000 for a legacy URL;
 * past them 429 (Zapier's operating constraints and its help on rate limits). Whether a wait comes with it is not
 * documented, so it is read when it is there.
 */
export const limits: Limits = {
  concurrency: 10,
  requests: { limit: 30, window: "1 second" },
  throttled: ({ status, headers }, now) => {
    return status === 429 ? { kind: "rate", ...retryAfter({ headers }, now) } : undefined
  }
}
