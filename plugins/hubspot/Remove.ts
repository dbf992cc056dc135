import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { Outcome, type RemovedContact } from "nexus-integrations/plugin"
import { api, type HubSpotConnection, send } from "./Client.ts"

/** Archives contacts, from where HubSpot's users can restore them for 90 days. Ids that are gone are passed over. */
export const remove = Effect.fn("HubSpot.remove")(function* (
  connection: HubSpotConnection,
  batch: ReadonlyArray<RemovedContact>
) {
  const ids = batch.flatMap(({ externalId }) => externalId ?? [])
  if (ids.length > 0) {
    const request = HttpClientRequest.post(`${api}/crm/v3/objects/contacts/batch/archive`).pipe(
      HttpClientRequest.bodyJsonUnsafe({ inputs: ids.map((id) => ({ id })) })
    )
    yield* send(connection, request)
  }
  return batch.map(({ externalId }) =>
    externalId === null ? Outcome.Unchanged({ externalId: "" }) : Outcome.Updated({ externalId })
  )
})
