import type { Answer, Limits } from "nexus-integrations/plugin"

/**
 * Zoho counts credits of an org in 24 hours, and requests at once: five with the smallest edition. Both limits answer
 * 429 and no Retry-After. `X-API-CREDITS-REMAINING` comes along once half of the credits are used: with nothing left it
 * is the credits that ended.
 */
export const limits: Limits = {
  concurrency: 5,
  throttled: ({ status, headers, body }: Answer) => {
    // Ten tokens in ten minutes, then none until those are over. "Access Denied" alone may mean something else.
    if (status === 400 && /"Access Denied"/.test(body) && /too many requests/.test(body)) {
      return { kind: "rate", retryAfter: "10 minutes" }
    }
    if (status !== 429) return undefined
    const remaining = headers["x-api-credits-remaining"]
    return { kind: remaining !== undefined && Number(remaining) <= 0 ? "quota" : "rate" }
  }
}
