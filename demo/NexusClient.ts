import { Effect, Schema } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"

/** A request of the demo was not answered with a success. */
export class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", { message: Schema.String }) {}

/** Requests to the service as one user. A text is sent as CSV, anything else as JSON. */
export interface NexusClient {
  post(path: string, body: unknown): Effect.Effect<unknown, DemoFailed>
  patch(path: string, body: unknown): Effect.Effect<unknown, DemoFailed>
}

/** @param token a bearer token of the user */
export const makeNexusClient = Effect.fnUntraced(function* (url: string, token: string) {
  const http = yield* HttpClient.HttpClient

  const send = Effect.fnUntraced(
    function* (request: HttpClientRequest.HttpClientRequest, body: unknown) {
      const withBody =
        body === undefined
          ? request
          : HttpClientRequest.setBody(
              request,
              typeof body === "string" ? HttpBody.text(body, "text/csv") : HttpBody.jsonUnsafe(body)
            )
      const answer = yield* http.execute(HttpClientRequest.bearerToken(withBody, token))
      const text = yield* answer.text
      if (answer.status < 300) return text
      return yield* new DemoFailed({ message: `${request.method} ${request.url}: ${answer.status} ${text}` })
    },
    Effect.catchTag("HttpClientError", (error) => Effect.fail(new DemoFailed({ message: error.message })))
  )

  return {
    post: (path, body) => send(HttpClientRequest.post(url + path), body),
    patch: (path, body) => send(HttpClientRequest.patch(url + path), body)
  } satisfies NexusClient
})
