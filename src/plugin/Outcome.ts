import { Data } from "effect"

/** What became of one contact. */
export type Outcome = Data.TaggedEnum<{
  /** It wasn't there and is now. `externalId` is the provider's id of it. */
  Created: { readonly externalId: string }
  /** It was there and has the new values. */
  Updated: { readonly externalId: string }
  /** It was there with these values already. */
  Unchanged: { readonly externalId: string }
  /**
   * The provider doesn't take it: `reason` in plain words, `field` the provider's name of the culprit. A `retryable`
   * one is sent again with the next run, any other only when it has changed.
   */
  Rejected: { readonly reason: string; readonly field?: string; readonly retryable: boolean }
  /** The provider works on it in the background; `poll` of the job tells what became of it. */
  Accepted: { readonly job: string }
  /** The job is over, and the provider doesn't tell (yet) whether this contact is there. `poll` is asked again. */
  Unconfirmed: object
}>

/** Makes outcomes: `Outcome.Created({ externalId: "42" })`. */
export const Outcome = Data.taggedEnum<Outcome>()
