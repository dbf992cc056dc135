/** What every call to Dropbox needs: the credentials, the settings, and requests in the two styles of its API. */
import { Effect, Schema } from "effect"
import { HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { Connection, ProviderError } from "nexus-integrations/plugin"
import { failureOfAnswer, failureOfRefusal, Refused, read } from "./Failure.ts"
import { api, credentialFields } from "./OAuth.ts"
import { Folder } from "./Paths.ts"

export const content = "https://content.dropboxapi.com"

export const credentials = Schema.Struct(credentialFields)

export const settings = Schema.Struct({
  folder: Folder.annotate({
    title: "Folder",
    description: "Where files go, such as /Exports. / is the app's own folder; one that isn't there is made."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("/")))
})

export type DropboxConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** Calls a route with JSON. `argument` is null for those that take none. */
export const call = (connection: DropboxConnection, route: string, argument: object | null) =>
  send(
    connection,
    HttpClientRequest.post(`${api}/2/${route}`).pipe(
      HttpClientRequest.bodyText(JSON.stringify(argument), "application/json")
    )
  )

/** Calls a route that takes bytes; its argument goes in a header. */
export const upload = (connection: DropboxConnection, route: string, argument: object, bytes: Uint8Array) =>
  send(
    connection,
    HttpClientRequest.post(`${content}/2/${route}`).pipe(
      HttpClientRequest.setHeader("dropbox-api-arg", headerJson(argument)),
      HttpClientRequest.bodyUint8Array(bytes, "application/octet-stream")
    )
  )

/** JSON of characters that a header can have ("JSON encoding" in Dropbox's reference). */
export const headerJson = (value: object): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const send = Effect.fnUntraced(function* (
  { credentials, http }: DropboxConnection,
  request: HttpClientRequest.HttpClientRequest
): Effect.fn.Return<HttpClientResponse.HttpClientResponse, ProviderError | Refused> {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.accessToken))
  if (answer.status < 300) return answer
  const body = yield* Effect.orElseSucceed(answer.text, () => "")
  if (answer.status !== 409) return yield* failureOfAnswer(answer.status, body)
  const { tags, correctOffset, words } = read(body)
  return yield* new Refused({ tags, correctOffset, words })
})

/** Makes a failure of whatever refusal is left. */
export const orFail = <A>(called: Effect.Effect<A, ProviderError | Refused>): Effect.Effect<A, ProviderError> =>
  Effect.catchTag(called, "Refused", (refusal) => Effect.fail(failureOfRefusal(refusal)))
