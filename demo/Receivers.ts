/** Endpoints that webhooks go to: some answer, some don't. */
import { createServer, type ServerResponse } from "node:http"
import { Effect } from "effect"

const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/ok": (response) => response.writeHead(200, { "content-type": "application/json" }).end('{"received":true}'),
  "/failing": (response) =>
    response.writeHead(500, { "content-type": "application/json" }).end('{"error":"the receiver has a bug"}'),
  "/moved": (response) => response.writeHead(301, { location: "https://example.com/elsewhere" }).end(),
  // Says nothing until the sender gives up.
  "/hanging": () => {}
}

/** Starts them until the scope closes; gives their origin. */
export const startReceivers = Effect.gen(function* () {
  const server = createServer((request, response) => {
    request.resume()
    const answer = answers[request.url ?? ""]
    if (answer === undefined) response.writeHead(404).end()
    else answer(response)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
})
