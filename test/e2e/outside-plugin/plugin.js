import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { failureOf, Outcome, plugin, readJson, secret } from "nexus-integrations/plugin"

const api = "https://api.outside.example"

const send = Effect.fnUntraced(function* ({ credentials, http }, request) {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.apiKey))
  if (answer.status >= 300) return yield* failureOf(answer.status, `Outside answered with status ${answer.status}`)
  return answer
})

const Me = Schema.Struct({ id: Schema.String, name: Schema.String })
const Written = Schema.Struct({
  results: Schema.Array(Schema.Struct({ id: Schema.NullOr(Schema.String), isNew: Schema.Boolean }))
})

export const OutsidePlugin = plugin({
  id: "OUTSIDE",
  name: "Outside",
  category: "crm",
  description: "A provider that this service has never heard of.",
  documentation: "https://outside.example/docs",
  logo: { monogram: "O", color: "#336699" },
  contract: 1,
  hosts: { api },
  credentials: Schema.Struct({
    apiKey: secret({ title: "API key", description: "Outside, Settings, API keys.", example: "outside-0000000000" })
  }),
  settings: Schema.Struct({}),
  limits: { concurrency: 2, throttled: ({ status }) => (status === 429 ? { kind: "rate" } : undefined) },
  verify: Effect.fn("Outside.verify")(function* (connection) {
    const { id, name } = yield* readJson(Me)(yield* send(connection, HttpClientRequest.get(`${api}/me`)))
    return { id, label: name }
  }),
  contacts: {
    batchSize: 2,
    mapping: { email: "email", firstName: "name" },
    describeFields: () =>
      Effect.succeed(
        ["email", "name"].map((name) => ({ name, label: name, type: "text", required: name === "email" }))
      ),
    upsert: Effect.fn("Outside.upsert")(function* (connection, batch) {
      const request = HttpClientRequest.put(`${api}/contacts`).pipe(
        HttpClientRequest.bodyJsonUnsafe({ contacts: batch.map(({ fields }) => fields) })
      )
      const { results } = yield* readJson(Written)(yield* send(connection, request))
      return results.map(({ id, isNew }) => {
        if (id === null) return Outcome.Rejected({ reason: "Outside refuses the address", retryable: false })
        return isNew ? Outcome.Created({ externalId: id }) : Outcome.Updated({ externalId: id })
      })
    })
  }
})
