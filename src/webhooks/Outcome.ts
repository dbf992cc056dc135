import type { AttemptId } from "../domain/Ids.ts"
import type { Claim } from "./Claim.ts"

/** One HTTP request of a delivery, as it is kept in the history. */
export interface Attempt {
  readonly id: AttemptId
  readonly claim: Claim
  /** Counts from 1, through all rounds. */
  readonly number: number
  /** When it began, by the monotonic clock of this process, in milliseconds. */
  readonly startedAt: number
  /** Until the status and as much of the body as is kept had arrived, in milliseconds. */
  readonly durationMillis: number
  readonly responseStatus: number | null
  /** A JSON object of header names and values. */
  readonly responseHeaders: string | null
  /** At most 16 KiB. */
  readonly responseBody: string | null
  /** What went wrong, in words for people; null after a 2xx. */
  readonly error: string | null
}

/** What an attempt means for its delivery. */
export type Verdict =
  | { readonly _tag: "Delivered" }
  /** Another attempt is due after the delay. */
  | { readonly _tag: "Retry"; readonly delayMillis: number }
  /** The last attempt of the round; `gone` when the receiver answered 410, which disables the webhook. */
  | { readonly _tag: "Failed"; readonly gone: boolean }

export interface Outcome {
  readonly attempt: Attempt
  readonly verdict: Verdict
}
