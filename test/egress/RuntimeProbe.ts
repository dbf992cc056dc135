/** Tries the guard's ways in and prints what happened as one JSON line. Runs under any runtime; the test uses Deno. */
import { createServer } from "node:http"
import { Console, Effect, Layer, Result } from "effect"
import { IpNetwork } from "effect/net"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress } from "../../src/egress/Egress.ts"
import { fakeDns } from "./FakeDns.ts"
import { listen, serve } from "./Listener.ts"

const attempt = (url: string, timeout = 20_000) =>
  Effect.gen(function* () {
    const egress = yield* Egress
    const result = yield* Effect.result(
      egress.request({ url, method: "POST", headers: {}, body: "{}", timeout, maxBody: 64 })
    )
    if (Result.isSuccess(result)) return `${result.success.status} ${result.success.body.length}`
    const { reason } = result.failure
    return reason._tag === "Unreachable" ? reason.code : reason._tag
  })

const names = {
  "private.test": [["10.0.0.1"]],
  "loopback.test": [["127.0.0.1"]],
  "mixed.test": [["1.1.1.1", "127.0.0.1"]],
  "rebind.test": [["1.1.1.1"], ["127.0.0.1"]],
  localhost: [["127.0.0.1"]]
}
const strict = Egress.layerWith({ allow: [] }).pipe(Layer.provide(fakeDns(names)))
const open = Egress.layerWith({ allow: loopback }).pipe(Layer.provide(fakeDns(names)))
const turning = Egress.layerWith({ allow: ["127.0.0.2/32"].map(IpNetwork.fromStringUnsafe) }).pipe(
  Layer.provide(fakeDns({ "turns.test": [["127.0.0.2"], ["127.0.0.1"]] }))
)

const program = Effect.gen(function* () {
  const listener = yield* serve((_, response) => response.end("secret"), "127.0.0.1")
  const port = listener.port
  const hosts = [
    ...["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1."],
    ...["0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
    ...["localhost", "a.localhost.", "private.test", "loopback.test", "mixed.test"]
  ]
  const outcomes = yield* Effect.forEach(hosts, (host) => attempt(`https://${host}:${port}/`)).pipe(
    Effect.provide(strict)
  )
  const rebound = yield* Effect.flatMap(Egress, (egress) => egress.check(`https://rebind.test:${port}/`)).pipe(
    Effect.andThen(attempt(`https://rebind.test:${port}/`)),
    Effect.provide(strict)
  )
  const arrivedWhileForbidden = listener.connections()

  const good = yield* serve((_, response) => response.setHeader("connection", "close").end("good"), "127.0.0.2")
  const bad = yield* listen(
    createServer((_, response) => response.end("bad")),
    "127.0.0.1",
    good.port
  )
  const turns = yield* Effect.all([
    attempt(`http://turns.test:${good.port}/`),
    attempt(`http://turns.test:${good.port}/`)
  ]).pipe(Effect.provide(turning))

  const flooding = yield* serve((_, response) => response.end("x".repeat(1_000_000)))
  const dripping = yield* serve((_, response) => response.writeHead(200).write("drop"))
  const silent = yield* serve(() => undefined)
  const exchanges = yield* Effect.all([
    attempt(`http://127.1:${port}/`),
    attempt(`http://loopback.test:${port}/`),
    attempt(`http://127.0.0.1:${flooding.port}/`),
    attempt(`http://127.0.0.1:${dripping.port}/`, 300),
    attempt(`http://127.0.0.1:${silent.port}/`, 300),
    attempt("http://nowhere.test/")
  ]).pipe(Effect.provide(open))

  const system = yield* attempt(`http://localhost:${port}/`).pipe(Effect.provide(Egress.layerDevelopment))

  yield* Console.log(
    JSON.stringify({
      outcomes: [...new Set(outcomes)],
      rebound,
      arrivedWhileForbidden,
      turns,
      arrivedAtTurned: [good.connections(), bad.connections()],
      exchanges,
      system
    })
  )
})

await Effect.runPromise(Effect.scoped(program))
