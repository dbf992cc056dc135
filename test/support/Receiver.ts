import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Latch } from "effect"

/** A request that a receiver got, its body as the bytes came. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A consumer of webhooks: a real HTTP server on loopback that keeps what it gets. */
export interface Receiver {
  readonly url: string
  readonly requests: ReadonlyArray<Received>
  /** Waits until the requests so far satisfy a condition. */
  until(condition: (requests: ReadonlyArray<Received>) => boolean): Effect.Effect<void>
}

/** Answers 200 to everything. */
export const ok = (_: Received, response: ServerResponse) => {
  response.writeHead(200, { "content-length": 2 }).end("ok")
}

/** Answers with a status and nothing else. */
export const status =
  (code: number, headers: Record<string, string> = {}) =>
  (_: Received, response: ServerResponse) => {
    response.writeHead(code, headers).end()
  }

/** Starts a receiver for the current scope. `answer` may leave the response open for ever. */
export const startReceiver = (answer: (request: Received, response: ServerResponse) => void = ok) =>
  Effect.acquireRelease(
    Effect.callback<Receiver & { readonly close: () => void }>((resume) => {
      const requests: Array<Received> = []
      const arrival = Latch.makeUnsafe(false)
      const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
        const chunks: Array<Buffer> = []
        incoming.on("data", (chunk) => chunks.push(chunk))
        incoming.on("end", () => {
          const request = {
            path: incoming.url ?? "",
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString("utf8")
          }
          requests.push(request)
          arrival.openUnsafe()
          answer(request, response)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${port}`,
            requests,
            until: (condition) =>
              Effect.suspend(() => {
                arrival.closeUnsafe()
                return condition(requests) ? Effect.succeed(true) : Effect.as(arrival.await, false)
              }).pipe(Effect.repeat({ until: (met) => met }), Effect.asVoid),
            close: () => {
              server.close()
              server.closeAllConnections()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )
