/** Deletes contacts: ActiveCampaign has no archive for them. */
import { Effect } from "effect"
import { Outcome, type RemovedContact } from "nexus-integrations/plugin"
import { type ActiveCampaignConnection, request, send } from "./Client.ts"

export const remove = Effect.fn("ActiveCampaign.remove")(
  (connection: ActiveCampaignConnection, batch: ReadonlyArray<RemovedContact>) =>
    Effect.forEach(
      batch,
      ({ externalId }) => {
        if (externalId === null) return Effect.succeed(Outcome.Unchanged({ externalId: "" }))
        const path = `/contacts/${encodeURIComponent(externalId)}`
        return send(connection, request(connection, "DELETE", path), [404]).pipe(
          Effect.map(({ status }) =>
            status === 404 ? Outcome.Unchanged({ externalId }) : Outcome.Updated({ externalId })
          ),
          Effect.catchReason("ProviderError", "Rejected", (_, { detail }) =>
            Effect.succeed(Outcome.Rejected({ reason: detail, retryable: false }))
          )
        )
      },
      { concurrency: 5 }
    )
)
