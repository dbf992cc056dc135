import type { UserId, WebhookId } from "../domain/Ids.ts"
import type { Scrub } from "../domain/Scrub.ts"
import type { SigningKeys } from "./Signature.ts"

/** Where a webhook's deliveries go, opened and ready for use: what a sender needs beside the claim itself. */
export interface Recipient {
  readonly webhookId: WebhookId
  readonly userId: UserId
  /** Counts the webhook's changes. */
  readonly version: number
  readonly url: string
  /** Scheme, host and port. */
  readonly origin: string
  readonly keys: SigningKeys
  /** Unix milliseconds after which the previous key no longer signs; null when there is none. */
  readonly previousKeyEndsAt: number | null
  /** The owner's own headers. */
  readonly headers: Readonly<Record<string, string>>
  readonly maxInFlight: number
  /** Takes the URL out of what is kept of answers; null where it is no secret. */
  readonly scrub: Scrub | null
}
