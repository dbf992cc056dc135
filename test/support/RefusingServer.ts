import * as net from "node:net"
import { Effect } from "effect"

/**
 * A server that speaks just enough of Postgres' protocol to turn every client away with this SQLSTATE.
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html (ErrorResponse). Returns its port.
 */
export const refusingServer = (code: string) =>
  Effect.acquireRelease(
    Effect.callback<net.Server>((resume) => {
      const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mno\0\0`)
      const length = Buffer.alloc(4)
      length.writeInt32BE(fields.length + 4)
      const server = net.createServer((socket) => {
        socket.on("error", () => undefined)
        socket.once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, fields])))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(
    Effect.map((server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    })
  )
