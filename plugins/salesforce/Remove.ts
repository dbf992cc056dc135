import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { Outcome, type RemovedContact, readJson, unavailable } from "nexus-integrations/plugin"
import { resource, type SalesforceConnection, send } from "./Client.ts"
import { type Result, Results, refusal } from "./Collections.ts"

/** Deletes records, into the org's recycle bin. One that is not there any more is left at that. */
export const remove = Effect.fn("Salesforce.remove")(function* (
  connection: SalesforceConnection,
  batch: ReadonlyArray<RemovedContact>
) {
  const ids = batch.flatMap(({ externalId }) => externalId ?? [])
  if (ids.length === 0) return batch.map(() => Outcome.Unchanged({ externalId: "" }))
  const request = HttpClientRequest.delete(resource(connection, "/composite/sobjects"), {
    urlParams: { ids: ids.join(","), allOrNone: "false" }
  })
  const results = yield* readJson(Results)(yield* send(connection, request))
  if (results.length !== ids.length) {
    return yield* unavailable(`Salesforce answered for ${results.length} of ${ids.length} records`)
  }
  const byId = new Map(ids.map((id, index): [string, Result | undefined] => [id, results[index]]))
  return batch.map(({ externalId }) => outcomeOf(connection, externalId, byId.get(externalId ?? "")))
})

const outcomeOf = (
  connection: SalesforceConnection,
  externalId: string | null,
  result: Result | undefined
): Outcome => {
  if (externalId === null || result === undefined) return Outcome.Unchanged({ externalId: "" })
  if (result.success) return Outcome.Updated({ externalId })
  const isGone = result.errors?.some(
    ({ statusCode }) => statusCode === "ENTITY_IS_DELETED" || statusCode === "INVALID_CROSS_REFERENCE_KEY"
  )
  return isGone === true ? Outcome.Unchanged({ externalId }) : refusal(connection, result)
}
