import { Effect, Option } from "effect"
import { Outcome, type RemovedContact } from "nexus-integrations/plugin"
import { audienceOf } from "./Audience.ts"
import { type MailchimpConnection, send } from "./Client.ts"
import { findMember, idOf, memberPath } from "./Members.ts"

/** Archives members, which keeps their history and their wish to be left alone. */
export const remove = Effect.fn("Mailchimp.remove")(function* (
  connection: MailchimpConnection,
  batch: ReadonlyArray<RemovedContact>
) {
  // Tells an audience that is gone from members who are.
  yield* audienceOf(connection)
  return yield* Effect.forEach(batch, ({ email, externalId }) => archive(connection, externalId || idOf(email)), {
    concurrency: 5
  })
})

const archive = (connection: MailchimpConnection, id: string) =>
  send(connection, "DELETE", memberPath(connection, id)).pipe(
    Effect.as<Outcome>(Outcome.Updated({ externalId: id })),
    // 404 for someone who is not there; 405 for who is archived already, and for who bounced or has yet to confirm.
    Effect.catchReason("ProviderError", "Misconfigured", (_, { detail }) =>
      Effect.map(findMember(connection, id), (member): Outcome => {
        if (Option.isNone(member) || member.value.status === "archived") return Outcome.Unchanged({ externalId: id })
        return Outcome.Rejected({ reason: detail, retryable: false })
      })
    )
  )
