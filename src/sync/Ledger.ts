/** Turns what a provider said about contacts into what is written down. */
import type { Outcome } from "../plugin/Outcome.ts"
import type { OutgoingContact } from "../plugin/Provider.ts"
import type { Accounted, Counts, KnownContact, RecordOutcome } from "./SyncRecordRepo.ts"

/** A contact that goes to the provider, with the hash of what is sent. */
export interface Sending {
  readonly contact: OutgoingContact
  readonly hash: string
}

const nothing = { externalId: null, hash: null, reason: null, field: null, isRetryable: false, job: null }

/** What is written down about a contact. `job` is the one that was asked, where one was. */
export const account = ({ contact, hash }: Sending, outcome: Outcome, job: string | null = null): Accounted => {
  const own = { ...nothing, contactId: contact.id, email: contact.email, hash }
  switch (outcome._tag) {
    case "Created":
    case "Updated":
    case "Unchanged": {
      const externalId = outcome.externalId === "" ? null : clean(outcome.externalId)
      return { ...own, externalId, outcome: synced[outcome._tag] }
    }
    case "Rejected":
      return {
        ...own,
        outcome: "rejected",
        reason: clean(outcome.reason.slice(0, longestReason)),
        field: outcome.field === undefined ? null : clean(outcome.field),
        isRetryable: outcome.retryable
      }
    case "Accepted":
      return { ...own, outcome: "pending", job: clean(outcome.job) }
    case "Unconfirmed":
      return { ...own, outcome: "unconfirmed", job }
  }
}

/** Characters of a reason that are kept. */
const longestReason = 1000

/** What a provider says, without what the database can't hold: one such text would keep a run from ever going on. */
const clean = (text: string) => text.toWellFormed().replaceAll("\0", "")

const synced = { Created: "created", Updated: "updated", Unchanged: "unchanged" } as const

/** What a contact that need not be sent again is counted as; undefined for one that has to be sent. */
export const standing = (known: KnownContact, hash: string): "unchanged" | "rejected" | undefined => {
  if (known.hash !== hash) return undefined
  switch (known.outcome) {
    case "created":
    case "updated":
    case "unchanged":
      return "unchanged"
    // It would be refused again: nothing has changed since.
    case "rejected":
      return known.isRetryable === true ? undefined : "rejected"
    default:
      return undefined
  }
}

/** A contact that is still rejected, as the run writes it down once more. */
export const stillRejected = (known: KnownContact, { contact, hash }: Sending): Accounted => ({
  ...nothing,
  contactId: contact.id,
  email: contact.email,
  hash,
  outcome: "rejected",
  reason: known.reason,
  field: known.field
})

/** How many there are of each outcome. */
export const countsOf = (outcomes: ReadonlyArray<RecordOutcome>): Counts => {
  const counts: Partial<Record<RecordOutcome, number>> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
