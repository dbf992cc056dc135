import { Array as Arr, Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { Outcome, type RemovedContact } from "nexus-integrations/plugin"
import { api, type SendGridConnection, send } from "./Client.ts"
import { listOf } from "./List.ts"
import { search } from "./Search.ts"

/** Takes contacts off the list and leaves them in the account, where other lists may have them. */
export const remove = Effect.fn("SendGrid.remove")(function* (
  connection: SendGridConnection,
  batch: ReadonlyArray<RemovedContact>
) {
  // Tells a list that is gone from contacts who are.
  yield* listOf(connection)
  const unknown = batch.filter(({ externalId }) => !externalId).map(({ email }) => email)
  const found = yield* search(connection, unknown)
  const ids = batch.map(({ email, externalId }) => externalId || found.get(email)?.id)
  const present = ids.flatMap((id) => id ?? [])
  yield* Effect.forEach(Arr.chunksOf(present, 100), (some) => takeOff(connection, some), { discard: true })
  return ids.map((id) =>
    id === undefined ? Outcome.Unchanged({ externalId: "" }) : Outcome.Updated({ externalId: id })
  )
})

const takeOff = ({ credentials, ...connection }: SendGridConnection, ids: ReadonlyArray<string>) =>
  send(
    { credentials, ...connection },
    HttpClientRequest.delete(`${api}/v3/marketing/lists/${credentials.listId}/contacts`, {
      urlParams: { contact_ids: ids.join() }
    })
  )
