import { createServer, type RequestListener, type Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net"
import { Effect, Option, Queue } from "effect"

/** A server on a loopback address that counts who comes. */
export interface Listener {
  readonly port: number
  /** Connections that arrived so far. */
  readonly connections: () => number
  /** Takes one item for every connection that was closed. */
  readonly closed: Queue.Queue<Socket>
}

/** Starts a server, on a free port by default, and stops it with the scope. */
export const listen = (server: Server | SecureServer | NetServer, host: string, port = 0) =>
  Effect.gen(function* () {
    const closed = yield* Queue.unbounded<Socket>()
    const sockets = new Set<Socket>()
    let connections = 0
    server.on("connection", (socket: Socket) => {
      connections += 1
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => Queue.offerUnsafe(closed, socket))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(port, host, () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    const address = server.address()
    if (address === null || typeof address === "string") return yield* Effect.die(new Error("No port"))
    return { port: address.port, connections: () => connections, closed } satisfies Listener
  })

/** Serves HTTP until the scope closes. */
export const serve = (handler: RequestListener, host = "127.0.0.1", port = 0) =>
  listen(createServer({ keepAliveTimeout: 600_000 }, handler), host, port)

/** Serves raw bytes: `onData` gets the socket once something of a request has arrived. */
export const serveRaw = (onData: (socket: Socket) => void, host = "127.0.0.1") =>
  listen(
    createNetServer((socket) => socket.once("data", () => onData(socket))),
    host,
    0
  )

/** A signal that a callback gives and a test waits for. */
export const signals = <A>() =>
  Effect.map(Queue.unbounded<A>(), (queue) => ({
    give: (value: A) => Queue.offerUnsafe(queue, value),
    take: Queue.take(queue),
    poll: Effect.map(Queue.poll(queue), Option.isSome)
  }))
