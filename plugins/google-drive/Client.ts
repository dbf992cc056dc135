/** What every call to Google Drive needs: the credentials, the settings, and requests with them. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, tokenFields } from "nexus-integrations/plugin"
import { failureOfError, readError } from "./DriveError.ts"
import { scope } from "./OAuth.ts"

export const api = "https://www.googleapis.com"

export const credentials = Schema.Struct(
  tokenFields({
    title: "Access token",
    description: `Of Google's OAuth 2.0, with the scope ${scope}. Without a refresh token it lasts for an hour.`,
    example: "ya29.a0Example-of-an-access-token"
  })
)

/** A name, not a path: Drive would take `2026/Q1` for the name of one folder, which nobody means. */
const folderName = /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}\s/\\](?:[^\p{Cc}\p{Cs}\u2028\u2029/\\]{0,98}[^\p{Cc}\p{Cs}\s/\\])?$/u

export const settings = Schema.Struct({
  folder: Schema.String.check(
    Schema.isPattern(folderName, {
      message: "Expected the name of one folder: at most 100 characters, without slashes and without spaces around it"
    })
  )
    .annotate({
      title: "Folder",
      description:
        "Where files go, in My Drive. It is made when it is needed; a folder of that name that is there already stays as it is."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("Nexus")))
})

export type DriveConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** Sends a request with the token, and fails on any answer but a success or one of the `expected` statuses. */
export const send = Effect.fnUntraced(function* (
  { credentials, http }: DriveConnection,
  request: HttpClientRequest.HttpClientRequest,
  expected: ReadonlyArray<number> = []
) {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.accessToken))
  if (answer.status >= 300 && !expected.includes(answer.status)) {
    return yield* failureOfError(yield* readError(answer))
  }
  return answer
})
