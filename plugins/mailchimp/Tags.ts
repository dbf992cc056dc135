import { Effect } from "effect"
import { Outcome, type OutgoingContact } from "nexus-integrations/plugin"
import { send } from "./Client.ts"
import { memberPath } from "./Members.ts"
import type { Run } from "./Run.ts"

/**
 * Adds the tags that a member lacks, in one call; other tags stay. Only single members take tags for certain: neither
 * the batch nor `PUT` documents them.
 */
export const addTags = Effect.fnUntraced(function* (
  { connection, members }: Run,
  contact: OutgoingContact,
  outcome: Outcome
) {
  if (!connection.settings.tags || !("externalId" in outcome)) return outcome
  const member = members.get(contact.email)
  const known = new Set((member?.tags ?? []).map(({ name }) => name.toLowerCase()))
  const missing = contact.tags.filter((tag) => !known.has(tag.toLowerCase()))
  if (missing.length === 0) return outcome

  const done = outcome._tag === "Unchanged" ? Outcome.Updated({ externalId: outcome.externalId }) : outcome
  return yield* send(connection, "POST", `${memberPath(connection, outcome.externalId)}/tags`, {
    body: { tags: missing.map((name) => ({ name, status: "active" })), is_syncing: true }
  }).pipe(
    Effect.map((): Outcome => {
      const tags = [...(member?.tags ?? []), ...missing.map((name) => ({ name }))]
      if (member !== undefined) members.set(contact.email, { ...member, tags })
      return done
    }),
    Effect.catchReason("ProviderError", "Rejected", (_, { detail }) =>
      Effect.succeed(Outcome.Rejected({ reason: `The tags are refused: ${detail}`, field: "tags", retryable: false }))
    ),
    // Deleted since it was written; the next run finds out what can be done.
    Effect.catchReason("ProviderError", "Misconfigured", () =>
      Effect.succeed(Outcome.Rejected({ reason: "The contact was deleted in Mailchimp just now", retryable: true }))
    )
  )
})
