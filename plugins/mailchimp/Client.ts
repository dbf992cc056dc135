/** What every call to Mailchimp needs: the credentials, the account's own host, and requests with them. */
import { Effect, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, misconfigured, secret, text } from "nexus-integrations/plugin"
import { readFailure } from "./Failure.ts"

/** Each account lives in a data centre, which its keys name at their end: `…-us6`. */
export const hosts = { api: "https://*.api.mailchimp.com" }

const dataCentre = /-([a-z]{2,4}\d{1,3})$/

export const credentials = Schema.Struct({
  apiKey: secret(
    {
      title: "API key",
      description: "Profile, Extras, API keys. It has full access to the account.",
      example: "0123456789abcdef0123456789abcdef-us6"
    },
    {
      pattern: /^[A-Za-z0-9]{16,128}-[a-z]{2,4}\d{1,3}$/,
      message: "Expected a Mailchimp API key, which ends with a hyphen and the data centre: …-us6"
    }
  ),
  audienceId: text(
    {
      title: "Audience ID",
      description: "Audience, Settings, Audience name and defaults: the text beside Audience ID.",
      example: "a1b2c3d4e5"
    },
    { pattern: /^[A-Za-z0-9]{4,32}$/, message: "Expected an audience ID of letters and digits, such as a1b2c3d4e5" }
  )
})

export const settings = Schema.Struct({
  /** What becomes of contacts that are new to the audience. A double opt-in audience asks them first in any case. */
  newStatus: Schema.Literals(["subscribed", "pending", "transactional"])
    .annotate({
      title: "Status of new contacts",
      description: "subscribed, pending (they are asked by email first) or transactional (they get no campaigns)."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("subscribed" as const))),
  /** Whether tags of contacts become tags in Mailchimp. They are added, and never taken away. */
  tags: Schema.Boolean.annotate({
    title: "Add tags",
    description: "Adds the tags of contacts, one more call for each."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(true)))
})

export type MailchimpConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** The API of the account's data centre, as `https://us6.api.mailchimp.com/3.0`. */
const apiOf = ({ credentials: { apiKey } }: MailchimpConnection) => {
  const name = dataCentre.exec(Redacted.value(apiKey))?.[1]
  return name === undefined
    ? Effect.fail(misconfigured("The API key names no data centre"))
    : Effect.succeed(`https://${name}.api.mailchimp.com/3.0`)
}

/** The path of the audience. */
export const audiencePath = ({ credentials: { audienceId } }: MailchimpConnection) => `/lists/${audienceId}`

/** Sends a request to a path of the API with the key, and fails on any answer but a success. */
export const send = Effect.fnUntraced(function* (
  connection: MailchimpConnection,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  { query = {}, body }: { readonly query?: Readonly<Record<string, string>>; readonly body?: object } = {}
) {
  const request = HttpClientRequest.make(method)(`${yield* apiOf(connection)}${path}`, { urlParams: query }).pipe(
    // The user's name is of no meaning.
    HttpClientRequest.basicAuth("nexus", connection.credentials.apiKey)
  )
  const answer = yield* connection.http.execute(
    body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)
  )
  if (answer.status >= 300) return yield* Effect.flatMap(readFailure(answer), Effect.fail)
  return answer
})
