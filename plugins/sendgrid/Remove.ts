import { Array as Arr, Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { byHalves, Outcome, type RemovedContact, rejected } from "nexus-integrations/plugin"
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
  const outcomes = yield* Effect.forEach(Arr.chunksOf(present, 100), (some) =>
    byHalves(some, (ids) => takeOff(connection, ids))
  )
  const done = new Map(outcomes.flat().map((outcome, index) => [present[index], outcome] as const))
  return ids.map((id) => {
    const outcome = id === undefined ? undefined : done.get(id)
    // The list is there, so an id that SendGrid refuses is nobody's any more.
    return outcome?._tag === "Updated" ? outcome : Outcome.Unchanged({ externalId: id ?? "" })
  })
})

const takeOff = Effect.fnUntraced(
  function* (connection: SendGridConnection, ids: ReadonlyArray<string>) {
    const contacts = `${api}/v3/marketing/lists/${connection.credentials.listId}/contacts`
    yield* send(connection, HttpClientRequest.delete(contacts, { urlParams: { contact_ids: ids.join() } }))
    return ids.map((id) => Outcome.Updated({ externalId: id }))
  },
  Effect.catchReason("ProviderError", "Misconfigured", (_, { detail }) => Effect.fail(rejected(detail)))
)
