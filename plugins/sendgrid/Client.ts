/** What every call to SendGrid needs: the credentials, and requests with them. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, secret, text } from "nexus-integrations/plugin"
import { readFailure } from "./Failure.ts"

/** The only host of marketing contacts: the European one has none (twilio/sendgrid-oai, servers). */
export const api = "https://api.sendgrid.com"

export const credentials = Schema.Struct({
  apiKey: secret(
    {
      title: "API key",
      description: "With full access to Marketing: Settings, API Keys, Create API Key, Restricted Access, Marketing.",
      example: "SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    },
    { pattern: /^SG\.[\w-]{8,128}\.[\w-]{8,128}$/, message: "Expected a SendGrid API key, which begins with SG." }
  ),
  listId: text(
    {
      title: "List ID",
      description: "Marketing, Contacts, the list: the last part of the page's address.",
      example: "5a1f6b1e-0000-4000-8000-2f1b9d4c7e3a"
    },
    {
      pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      message: "Expected a list ID such as 5a1f6b1e-0000-4000-8000-2f1b9d4c7e3a"
    }
  )
})

export const settings = Schema.Struct({
  /** What becomes of tags, which SendGrid's contacts don't have. */
  tags: Schema.Literals(["none", "field"])
    .annotate({
      title: "Tags",
      description: "none: tags stay here. field: a text field named tags holds them, separated by commas."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("none" as const)))
})

export type SendGridConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** Sends a request with the key, and fails on any answer but a success. */
export const send = Effect.fnUntraced(function* (
  { credentials, http }: SendGridConnection,
  request: HttpClientRequest.HttpClientRequest
) {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.apiKey))
  if (answer.status >= 300) return yield* Effect.flatMap(readFailure(answer), Effect.fail)
  return answer
})
