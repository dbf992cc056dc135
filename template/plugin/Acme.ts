/** The plugin for Acme. Replace what is made up here by what the provider's documentation says. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, failureOf, Outcome, plugin, readJson, secret } from "nexus-integrations/plugin"

const api = "https://api.acme.example"

const credentials = Schema.Struct({
  apiKey: secret({
    title: "API key",
    description: "Acme, Settings, API keys. It needs the scope contacts.",
    example: "acme_1234567890abcdef"
  })
})
const settings = Schema.Struct({})
type AcmeConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** Sends a request with the key, and fails on any answer but a success. */
const send = Effect.fnUntraced(function* (
  { credentials, http }: AcmeConnection,
  request: HttpClientRequest.HttpClientRequest
) {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.apiKey))
  if (answer.status >= 300) return yield* failureOf(answer.status, `Acme answered with status ${answer.status}`)
  return answer
})

const Me = Schema.Struct({ id: Schema.String, name: Schema.String })

/** One for each contact, in their order: an id, or what is wrong with it. */
const Written = Schema.Struct({
  results: Schema.Array(
    Schema.Struct({
      id: Schema.optionalKey(Schema.String),
      isNew: Schema.optionalKey(Schema.Boolean),
      error: Schema.optionalKey(Schema.String)
    })
  )
})

export const AcmePlugin = plugin({
  id: "ACME",
  name: "Acme",
  category: "crm",
  description: "Keeps the contacts of an Acme account in step with yours.",
  documentation: "https://acme.example/docs",
  logo: { monogram: "A", color: "#336699" },
  contract: 1,
  hosts: { api },
  credentials,
  settings,
  limits: {
    concurrency: 4,
    requests: { limit: 100, window: "10 seconds" },
    throttled: ({ status }) => (status === 429 ? { kind: "rate" } : undefined)
  },
  verify: Effect.fn("Acme.verify")(function* (connection: AcmeConnection) {
    const { id, name } = yield* readJson(Me)(yield* send(connection, HttpClientRequest.get(`${api}/me`)))
    return { id, label: name }
  }),
  contacts: {
    batchSize: 100,
    mapping: { email: "email", firstName: "first_name", lastName: "last_name" },
    describeFields: () =>
      Effect.succeed([
        { name: "email", label: "Email", type: "text", required: true },
        { name: "first_name", label: "First name", type: "text", required: false },
        { name: "last_name", label: "Last name", type: "text", required: false }
      ]),
    upsert: Effect.fn("Acme.upsert")(function* (connection: AcmeConnection, batch) {
      const request = HttpClientRequest.put(`${api}/contacts`).pipe(
        HttpClientRequest.bodyJsonUnsafe({ contacts: batch.map(({ fields }) => fields) })
      )
      const { results } = yield* readJson(Written)(yield* send(connection, request))
      return results.map(({ id, isNew, error = "Acme refused the contact" }) => {
        if (id === undefined) return Outcome.Rejected({ reason: error, retryable: false })
        return isNew === true ? Outcome.Created({ externalId: id }) : Outcome.Updated({ externalId: id })
      })
    })
  }
})
