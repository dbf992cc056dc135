/** Decides what an attempt means for its delivery. Pure: the same answer always means the same. */
import { STATUS_CODES } from "node:http"
import type { Claim } from "./Claim.ts"
import type { Verdict } from "./Outcome.ts"

/** The answer of a receiver, or why there was none, in words for people. */
export type Answer =
  | { readonly _tag: "Answered"; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly _tag: "Unanswered"; readonly error: string }

/** The longest that a receiver can ask us to wait by `Retry-After`. */
const longestRetryAfterMillis = 3_600_000

/**
 * A 2xx status delivers. 410 ends the delivery and disables the webhook. Anything else is a failure: another attempt
 * follows while the round has one left, after the delay of the schedule or, for 429 and 503, a longer `Retry-After`.
 *
 * @param delays what {@link retryDelays} gives
 * @param now Unix time in milliseconds, which a `Retry-After` date is compared with
 */
export const judge = (claim: Claim, answer: Answer, delays: ReadonlyArray<number>, now: number): Verdict => {
  if (answer._tag === "Answered" && answer.status >= 200 && answer.status < 300) return { _tag: "Delivered" }
  const gone = answer._tag === "Answered" && answer.status === 410
  const attempts = claim.attemptCount - claim.attemptsBefore + 1
  const delay = delays[attempts - 1]
  if (gone || attempts >= claim.maxAttempts || delay === undefined) return { _tag: "Failed", gone }
  return { _tag: "Retry", delayMillis: Math.max(delay, retryAfterMillis(answer, now)) }
}

/** What went wrong, in words for people; null after a 2xx. */
export const describe = (answer: Answer): string | null => {
  if (answer._tag === "Unanswered") return answer.error
  const { status, headers } = answer
  if (status >= 200 && status < 300) return null
  const name = [status, STATUS_CODES[status]].filter(Boolean).join(" ")
  if (status < 300 || status >= 400) return `The receiver answered ${name}`
  const location = headers.location
  return `The receiver answered ${name}${location ? ` to ${location.slice(0, 200)}` : ""}; redirects are not followed`
}

// RFC 9110, section 10.2.3: seconds, or an HTTP date.
const retryAfterMillis = (answer: Answer, now: number): number => {
  if (answer._tag === "Unanswered" || (answer.status !== 429 && answer.status !== 503)) return 0
  const value = answer.headers["retry-after"]?.trim() ?? ""
  const millis = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(millis) ? 0 : Math.min(Math.max(millis, 0), longestRetryAfterMillis)
}
