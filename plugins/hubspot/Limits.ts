import { Option, Schema } from "effect"
import { type Limits, retryAfter } from "nexus-integrations/plugin"

const decodePolicy = Schema.decodeOption(
  Schema.fromJsonString(Schema.Struct({ policyName: Schema.optionalKey(Schema.String) }))
)

/**
 * 100 requests in ten seconds is what the smallest plans allow a private app; the larger ones take 190 and more
 * (HubSpot's changelog "Increasing our API limits"). A 429 names its policy, and no Retry-After comes with it; 477,
 * while an account is moved, has one in seconds (error handling page).
 */
export const limits: Limits = {
  concurrency: 4,
  requests: { limit: 100, window: "10 seconds" },
  throttled: ({ status, headers, body }, now) => {
    if (status === 477) return { kind: "rate", retryAfter: "1 minute", ...retryAfter({ headers }, now) }
    // A record that is locked while HubSpot works on it: at least two seconds (error handling page).
    if (status === 423) return { kind: "rate", retryAfter: "2 seconds" }
    if (status !== 429) return undefined
    const policy = Option.getOrUndefined(decodePolicy(body))?.policyName
    if (policy === "DAILY") return { kind: "quota" }
    if (policy === "TEN_SECONDLY_ROLLING") return { kind: "rate", retryAfter: "10 seconds" }
    return { kind: "rate" }
  }
}
