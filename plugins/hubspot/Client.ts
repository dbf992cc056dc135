/** What every call to HubSpot needs: the credentials, and requests with them. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, tokenFields } from "nexus-integrations/plugin"
import { readFailure } from "./Failure.ts"

/** The only host of the API, for every region. */
export const api = "https://api.hubapi.com"

export const credentials = Schema.Struct(
  tokenFields({
    title: "Access token",
    description:
      "Of a private app with the scopes crm.objects.contacts.read, crm.objects.contacts.write and crm.schemas.contacts.read: Settings, Integrations, Private Apps.",
    example: "pat-na1-11111111-2222-3333-4444-555555555555"
  })
)

export type HubSpotConnection = Connection<typeof credentials.Type, object>

/** Sends a request with the token, and fails on any answer but a success or one of the `expected` statuses. */
export const send = Effect.fnUntraced(function* (
  { credentials, http }: HubSpotConnection,
  request: HttpClientRequest.HttpClientRequest,
  expected: ReadonlyArray<number> = []
) {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.accessToken))
  if (answer.status >= 300 && !expected.includes(answer.status))
    return yield* Effect.flatMap(readFailure(answer), Effect.fail)
  return answer
})
