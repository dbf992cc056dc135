import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { Outcome, type RemovedContact } from "nexus-integrations/plugin"
import { resource, type ZohoConnection } from "./Client.ts"
import { type Item, isDone, itemsOf, refusal } from "./Records.ts"

/** Moves contacts to the recycle bin. One that is not there any more is left at that. */
export const remove = Effect.fn("Zoho.remove")(function* (
  connection: ZohoConnection,
  batch: ReadonlyArray<RemovedContact>
) {
  const ids = batch.flatMap(({ externalId }) => externalId ?? [])
  if (ids.length === 0) return batch.map(() => Outcome.Unchanged({ externalId: "" }))
  const request = HttpClientRequest.delete(resource(connection, "/Contacts"), {
    urlParams: { ids: ids.join(","), wf_trigger: String(connection.settings.trigger.includes("workflow")) }
  })
  const items = yield* itemsOf(connection, request, ids.length, "ZohoCRM.modules.contacts.ALL")
  const byId = new Map(items.map((item, index): [string | undefined, Item] => [item.details?.id ?? ids[index], item]))
  return batch.map(({ externalId }) => outcomeOf(externalId, byId.get(externalId ?? "")))
})

const outcomeOf = (externalId: string | null, item: Item | undefined): Outcome => {
  if (externalId === null) return Outcome.Unchanged({ externalId: "" })
  if (item === undefined) {
    return Outcome.Rejected({ reason: "Zoho CRM did not say what became of this contact", retryable: true })
  }
  if (isDone(item)) return Outcome.Updated({ externalId })
  // The id is one that Zoho gave, so nothing can be wrong with it but that its record has gone.
  return item.code === "INVALID_DATA" ? Outcome.Unchanged({ externalId }) : refusal(item)
}
