import * as net from "node:net"
import { Deferred, Effect, Redacted } from "effect"

/** Passes the server's messages on, all but the notifications. Each is a type byte and a length that counts itself. */
const withoutNotifications = (pass: (bytes: Buffer) => void, swallowed: () => void) => {
  let rest = Buffer.alloc(0)
  return (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const end = 1 + rest.readInt32BE(1)
      if (rest.toString("latin1", 0, 1) === "A") swallowed()
      else pass(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}

/**
 * A proxy before a Postgres server that loses every notification, as a pooler in transaction mode does.
 * `lost` is done once it lost one.
 */
export const deafProxy = Effect.fnUntraced(function* (server: Redacted.Redacted) {
  const url = new URL(Redacted.value(server))
  const target = { host: url.hostname, port: Number(url.port || "5432") }
  const lost = yield* Deferred.make<void>()
  const proxy = net.createServer((client) => {
    const upstream = net.connect(target)
    for (const socket of [client, upstream]) socket.on("error", () => undefined)
    client.pipe(upstream)
    upstream.on(
      "data",
      withoutNotifications(
        (bytes) => client.write(bytes),
        () => Deferred.doneUnsafe(lost, Effect.void)
      )
    )
    upstream.on("close", () => client.destroy())
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void proxy.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => proxy.close())
  )
  const address = proxy.address()
  url.port = String(typeof address === "object" && address !== null ? address.port : 0)
  url.hostname = "127.0.0.1"
  return { url: Redacted.make(url.href), lost: Deferred.await(lost) }
})
