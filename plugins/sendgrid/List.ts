import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { misconfigured, perConnection, readJson } from "nexus-integrations/plugin"
import { api, type SendGridConnection, send } from "./Client.ts"

const List = Schema.Struct({ id: Schema.String, name: Schema.String })

/** Reads the list, once for each run. One that is not there is `Misconfigured`. */
export const listOf = perConnection(
  Effect.fn("SendGrid.listOf")(function* (connection: SendGridConnection) {
    const { listId } = connection.credentials
    const answer = yield* send(connection, HttpClientRequest.get(`${api}/v3/marketing/lists/${listId}`)).pipe(
      Effect.catchReason("ProviderError", "Misconfigured", () =>
        Effect.fail(misconfigured(`The account has no contact list ${listId}: check the list ID`))
      )
    )
    return yield* readJson(List)(answer)
  })
)
