import { Duration } from "effect"
import { type Limits, retryAfter } from "nexus-integrations/plugin"
import { read } from "./Failure.ts"

/**
 * Dropbox publishes no number. It counts by connection, counts refused requests too, and locks the account while it
 * writes: little at once. A 429 is JSON or plain text, and says how long in its body, in `Retry-After`, in both or in
 * neither, where a second is meant; writes that got into each other's way are a 409 as well (performance guide, API
 * specification).
 */
export const limits: Limits = {
  concurrency: 2,
  throttled: ({ status, headers, body }, now) => {
    if (status !== 429 && status !== 409) return undefined
    const { tags, retryAfter: seconds } = read(body)
    if (status === 409 && !tags.some((tag) => tag === "too_many_write_operations" || tag === "too_many_requests")) {
      return undefined
    }
    const asked = retryAfter({ headers }, now).retryAfter
    const waits = [
      ...(asked === undefined ? [] : [Duration.fromInputUnsafe(asked)]),
      ...(seconds === undefined || seconds < 0 ? [] : [Duration.seconds(seconds)])
    ]
    return waits.length === 0 ? { kind: "rate" } : { kind: "rate", retryAfter: waits.reduce(Duration.max) }
  }
}
