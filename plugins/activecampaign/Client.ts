/** One ActiveCampaign account: its address, its key, and what its refusals say. */
import { Effect, Option, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import {
  type Connection,
  failureOf,
  misconfigured,
  rejected,
  secret,
  text,
  unauthorized
} from "nexus-integrations/plugin"

/** Both names of an account's host. ActiveCampaign warns not to build one from the account's name. */
export const hosts = { api: ["https://*.api-us1.com", "https://*.activehosted.com"] }

export const credentials = Schema.Struct({
  accountUrl: text(
    {
      title: "API URL",
      description: "ActiveCampaign, Settings, Developer. Copy it from there, it can't be told from the account's name.",
      example: "https://youraccount.api-us1.com"
    },
    {
      pattern: /^https:\/\/(?:[a-z0-9-]+\.)+(?:api-us1|activehosted)\.com\/?$/i,
      message: "Expected an address such as https://youraccount.api-us1.com"
    }
  ),
  apiKey: secret({
    title: "API key",
    description: "ActiveCampaign, Settings, Developer. Each user has one of their own, with that user's permissions.",
    example: "0123456789ab".repeat(6)
  })
})

export const settings = Schema.Struct({})

export type ActiveCampaignConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** The account's host, in lower case. */
export const hostOf = ({ credentials }: ActiveCampaignConnection): string => new URL(credentials.accountUrl).host

type Query = ReadonlyArray<readonly [name: string, value: string]>

/** A request to a path below `/api/3`. */
export const request = (
  connection: ActiveCampaignConnection,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  { query = [], body }: { readonly query?: Query; readonly body?: unknown } = {}
): HttpClientRequest.HttpClientRequest => {
  const bare = HttpClientRequest.make(method)(`https://${hostOf(connection)}/api/3${path}`).pipe(
    HttpClientRequest.appendUrlParams(query),
    HttpClientRequest.setHeader("api-token", Redacted.value(connection.credentials.apiKey))
  )
  return body === undefined ? bare : HttpClientRequest.bodyJsonUnsafe(bare, body)
}

/** The two forms of an error: most calls have `errors`, some a `message`. */
const Refusal = Schema.fromJsonString(
  Schema.Struct({
    message: Schema.optionalKey(Schema.String),
    errors: Schema.optionalKey(Schema.Array(Schema.Struct({ title: Schema.String })))
  })
)

/**
 * Sends a request and gives the answer, a success or one of the `expected` statuses. A bad key is answered with 403,
 * and with 401 by some calls; nothing tells a key without permission from it.
 */
export const send = Effect.fnUntraced(function* (
  { http }: ActiveCampaignConnection,
  request: HttpClientRequest.HttpClientRequest,
  expected: ReadonlyArray<number> = []
) {
  const answer = yield* http.execute(request)
  const { status } = answer
  if ((status >= 200 && status < 300) || expected.includes(status)) return answer
  if (status === 401 || status === 403) {
    return yield* unauthorized("ActiveCampaign refuses the API key, or its user may not do this")
  }
  if (status === 404) return yield* misconfigured("ActiveCampaign has nothing at this address: check the API URL")
  if (status !== 400 && status !== 422) return yield* failureOf(status, `ActiveCampaign answered with status ${status}`)
  const said = Schema.decodeOption(Refusal)(yield* Effect.orElseSucceed(answer.text, () => ""))
  const words = Option.flatMap(said, ({ errors, message }) => Option.fromUndefinedOr(errors?.[0]?.title ?? message))
  return yield* rejected(Option.getOrElse(words, () => "ActiveCampaign refused what was sent"))
})
