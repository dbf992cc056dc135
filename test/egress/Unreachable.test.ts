import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress, type EgressRequest } from "../../src/egress/Egress.ts"
import { fakeDns } from "./FakeDns.ts"
import { serve, serveRaw } from "./Listener.ts"

const dns = fakeDns({ "here.test": [["127.0.0.1"]] })
const Open = Egress.layerWith({ allow: loopback }).pipe(Layer.provide(dns))

const get = (url: string, headers: EgressRequest["headers"] = {}): EgressRequest => ({
  url,
  method: "GET",
  headers,
  timeout: "20 seconds",
  maxBody: 1024
})

const failure = (request: EgressRequest) =>
  Effect.gen(function* () {
    const egress = yield* Egress
    const { reason } = yield* Effect.flip(egress.request(request))
    if (reason._tag !== "Unreachable") return yield* Effect.die(reason)
    assert.notInclude(reason.message, "127.0.0.1")
    return reason
  })

describe("Unreachable", () => {
  it.effect("says that a name does not exist", () =>
    Effect.gen(function* () {
      const { message } = yield* failure(get("https://nowhere.test/"))
      assert.strictEqual(message, "nowhere.test could not be reached: its name does not exist in DNS.")
    }).pipe(Effect.provide(Open))
  )

  it.effect("says that nothing listens", () =>
    Effect.gen(function* () {
      // A port that was free a moment ago.
      const { port } = yield* Effect.scoped(serve(() => undefined))
      const { code, message } = yield* failure(get(`http://here.test:${port}/`))
      assert.strictEqual(code, "ECONNREFUSED")
      assert.include(message, "here.test could not be reached: it refused the connection")
    }).pipe(Effect.provide(Open))
  )

  it.effect("says that the connection was closed without an answer", () =>
    Effect.gen(function* () {
      const listener = yield* serveRaw((socket) => socket.end())
      const { message } = yield* failure(get(`http://here.test:${listener.port}/`))
      assert.include(message, "it closed the connection without an answer")
    }).pipe(Effect.provide(Open))
  )

  it.effect("says that the answer is not HTTP", () =>
    Effect.gen(function* () {
      const listener = yield* serveRaw((socket) => socket.end("220 mail.example ESMTP\r\n"))
      const { message } = yield* failure(get(`http://here.test:${listener.port}/`))
      assert.include(message, "its answer is not valid HTTP/1.1")
    }).pipe(Effect.provide(Open))
  )

  it.effect("says that the headers are too many", () =>
    Effect.gen(function* () {
      const listener = yield* serveRaw((socket) =>
        socket.write(`HTTP/1.1 200 OK\r\n${`a: ${"b".repeat(1000)}\r\n`.repeat(40)}`)
      )
      const { message } = yield* failure(get(`http://here.test:${listener.port}/`))
      assert.include(message, "its answer has more than 16 KiB of headers")
    }).pipe(Effect.provide(Open))
  )

  it.effect("sends nothing when a header could smuggle another request", () =>
    Effect.gen(function* () {
      const listener = yield* serve((_, response) => response.end())
      const { message } = yield* failure(get(`http://here.test:${listener.port}/`, { "x-a": "b\r\nx-c: d" }))
      assert.include(message, "the request itself is not valid")
      assert.strictEqual(listener.connections(), 0)
    }).pipe(Effect.provide(Open))
  )

  it.effect("says that the port does not speak TLS", () =>
    Effect.gen(function* () {
      const listener = yield* serve((_, response) => response.end())
      const { message } = yield* failure(get(`https://here.test:${listener.port}/`))
      assert.include(message, "it does not speak TLS")
    }).pipe(Effect.provide(Open))
  )
})
