import { DateTime, Duration } from "effect"
import type { Answer, Limits } from "nexus-integrations/plugin"

/**
 * No numbers are published for marketing contacts; each answer carries its own. The header that says when to go on means
 * two things: a moment in seconds since 1970 (API reference), or the seconds that are left (recorded answers).
 */
export const limits: Limits = {
  concurrency: 3,
  throttled: ({ status, headers }: Answer, now) => {
    if (status !== 429) return undefined
    const header = headers["x-ratelimit-reset"] ?? ""
    if (!/^\d+$/.test(header)) return { kind: "rate" }
    const reset = Number(header)
    const seconds = reset > 1e9 ? Math.max(0, reset - Math.floor(DateTime.toEpochMillis(now) / 1000)) : reset
    return { kind: "rate", retryAfter: Duration.seconds(seconds) }
  }
}
