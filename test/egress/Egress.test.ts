import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue } from "effect"
import { Dns, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress, type EgressRequest } from "../../src/egress/Egress.ts"
import { fakeDns, silentDns } from "./FakeDns.ts"
import { serve, serveRaw, signals } from "./Listener.ts"

const dns = fakeDns({ "here.test": [["127.0.0.1"]] })
const Open = Egress.layerWith({ allow: loopback }).pipe(Layer.provide(dns))
const OpenTwo = Egress.layerWith({ allow: loopback, connections: 2 }).pipe(Layer.provide(dns))

const get = (port: number, options: Partial<EgressRequest> = {}): EgressRequest => ({
  url: `http://127.0.0.1:${port}/`,
  method: "GET",
  headers: {},
  timeout: "20 seconds",
  maxBody: 1024,
  ...options
})

const head = "HTTP/1.1 200 OK\r\n"

describe("Egress", () => {
  it.effect("sends method, path, headers and body, and reads the answer", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((request, response) => {
        request.setEncoding("utf8").once("data", (body) => {
          response.writeHead(201, { "x-answer": "yes", "set-cookie": ["a=1", "b=2"] })
          response.end(`${request.method} ${request.url} ${request.headers["x-hook"]} ${request.headers.host} ${body}`)
        })
      })
      const answer = yield* egress.request(
        get(listener.port, {
          url: `http://here.test:${listener.port}/hook?a=b c#d`,
          method: "POST",
          headers: { "x-hook": "1" },
          body: '{"a":"ü"}'
        })
      )
      assert.strictEqual(answer.status, 201)
      assert.strictEqual(answer.body, `POST /hook?a=b%20c 1 here.test:${listener.port} {"a":"ü"}`)
      assert.isFalse(answer.truncated)
      assert.strictEqual(answer.headers["x-answer"], "yes")
      assert.strictEqual(answer.headers["set-cookie"], "a=1, b=2")
      assert.isAbove(answer.millis, 0)
    }).pipe(Effect.provide(Open))
  )

  // undici gives a connection back one turn of the event loop later, so the next call may find it busy still.
  it.effect("uses its connections again", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((_, response) => response.end("ok"))
      yield* egress.request(get(listener.port)).pipe(Effect.repeat({ times: 9 }))
      assert.isAtMost(listener.connections(), 2)
    }).pipe(Effect.provide(Open))
  )

  it.effect("waits past 103 Early Hints for the answer", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serveRaw((socket) =>
        socket.end(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${head}content-length: 2\r\n\r\nok`)
      )
      const answer = yield* egress.request(get(listener.port))
      assert.deepStrictEqual([answer.status, answer.body, answer.headers.link], [200, "ok", undefined])
    }).pipe(Effect.provide(Open))
  )

  it.effect("does not take 103 Early Hints for the answer when no other comes", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serveRaw((socket) => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"))
      const error = yield* Effect.flip(egress.request(get(listener.port, { timeout: 200 })))
      assert.strictEqual(error.reason._tag, "Timeout")
    }).pipe(Effect.provide(Open))
  )

  it.effect("keeps maxBody bytes, and says so only when there were more", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((request, response) => response.end("x".repeat(Number(request.url?.slice(1)))))
      const sizes = [0, 1023, 1024, 1025, 100_000]
      for (const size of sizes) {
        const answer = yield* egress.request(get(listener.port, { url: `http://127.0.0.1:${listener.port}/${size}` }))
        assert.deepStrictEqual([answer.body.length, answer.truncated], [Math.min(size, 1024), size > 1024])
      }
    }).pipe(Effect.provide(Open))
  )

  it.effect("cuts no character in half and replaces what is not UTF-8", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((request, response) =>
        response.end(request.url === "/cut" ? "üüü" : Buffer.from([0x61, 0xff, 0x62]))
      )
      const url = `http://127.0.0.1:${listener.port}/`
      assert.strictEqual((yield* egress.request(get(listener.port, { url: `${url}cut`, maxBody: 3 }))).body, "ü")
      assert.strictEqual((yield* egress.request(get(listener.port))).body, "a\ufffdb")
    }).pipe(Effect.provide(Open))
  )

  it.effect("keeps 64 headers and 8 KiB of them", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((request, response) => {
        const many = request.url === "/many"
        for (let i = 0; i < (many ? 90 : 3); i++) response.setHeader(`x-${i}`, many ? "v" : "v".repeat(4_000))
        response.end()
      })
      const many = yield* egress.request(get(listener.port, { url: `http://127.0.0.1:${listener.port}/many` }))
      assert.strictEqual(Object.keys(many.headers).length, 64)
      const big = yield* egress.request(get(listener.port))
      assert.deepStrictEqual(Object.keys(big.headers), ["x-0", "x-1"])
    }).pipe(Effect.provide(Open))
  )

  it.effect("takes a status with a body that never ends for an answer, and closes the connection", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((_, response) => response.writeHead(200).write("drop by drop"))
      const answer = yield* egress.request(get(listener.port, { timeout: 200 }))
      assert.deepStrictEqual([answer.status, answer.body, answer.truncated], [200, "drop by drop", true])
      yield* Queue.take(listener.closed)
    }).pipe(Effect.provide(Open))
  )

  it.effect("stops reading a body of a gigabyte at maxBody, and closes the connection", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const block = Buffer.alloc(64 * 1024, "x")
      const listener = yield* serve((_, response) => {
        let left = 2 ** 30 / block.length
        const pump = () => {
          while (left-- > 0 && !response.destroyed) if (!response.write(block)) return
          response.end()
        }
        response.on("drain", pump)
        pump()
      })
      const answer = yield* egress.request(get(listener.port))
      assert.deepStrictEqual([answer.body.length, answer.truncated], [1024, true])
      const socket = yield* Queue.take(listener.closed)
      assert.isBelow(socket.bytesWritten, 2 ** 26)
    }).pipe(Effect.provide(Open))
  )

  it.effect("takes a body that breaks off for a shortened one", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serveRaw((socket) => socket.end(`${head}content-length: 100\r\n\r\nhalf`))
      const answer = yield* egress.request(get(listener.port))
      assert.deepStrictEqual([answer.status, answer.body, answer.truncated], [200, "half", true])
    }).pipe(Effect.provide(Open))
  )

  it.effect("gives up on one who takes the request and never answers, and closes the connection", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve(() => undefined)
      const error = yield* Effect.flip(egress.request(get(listener.port, { timeout: 200 })))
      assert.strictEqual(error.message, "127.0.0.1 took the request and did not answer within 200ms.")
      assert.strictEqual(error.reason._tag, "Timeout")
      yield* Queue.take(listener.closed)
    }).pipe(Effect.provide(Open))
  )

  it.effect("closes the connection when the fiber is interrupted", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const arrived = yield* signals<void>()
      const listener = yield* serve(() => arrived.give())
      const fiber = yield* Effect.forkChild(egress.request(get(listener.port)))
      yield* arrived.take
      yield* Fiber.interrupt(fiber)
      yield* Queue.take(listener.closed)
    }).pipe(Effect.provide(Open))
  )

  it.effect("says when it was the connection that did not come in time", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const error = yield* Effect.flip(egress.request({ ...get(1024), url: "http://slow.test/", timeout: 100 }))
      assert.strictEqual(error.message, "slow.test could not be connected to within 100ms.")
    }).pipe(Effect.provide(Egress.layerWith({ allow: loopback }).pipe(Layer.provide(silentDns))))
  )

  it.effect("sends nothing once it is interrupted while the connection is made", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const lookup = () => Effect.as(Deferred.await(gate), [NetAddress.ipv4Loopback])
      const gated = Layer.succeed(Dns.Dns, Dns.make({ lookup }))
      const urls: Array<string | undefined> = []
      const listener = yield* serve((request, response) => {
        urls.push(request.url)
        response.end()
      })
      yield* Effect.gen(function* () {
        const egress = yield* Egress
        const fork = (name: string) =>
          Effect.forkChild(egress.request(get(listener.port, { url: `http://gated.test:${listener.port}/${name}` })), {
            startImmediately: true
          })
        const [given, kept] = [yield* fork("given-up"), yield* fork("kept")]
        yield* Fiber.interrupt(given)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(kept)
        assert.deepStrictEqual(urls, ["/kept"])
      }).pipe(Effect.provide(Egress.layerWith({ allow: loopback }).pipe(Layer.provide(gated))))
    })
  )

  it.effect("holds at most its number of connections to an origin, and forgets who gave up waiting", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const arrived = yield* signals<{ readonly url: string | undefined; answer(): void }>()
      const listener = yield* serve((request, response) =>
        arrived.give({ url: request.url, answer: () => response.end() })
      )
      const fork = (name: string) =>
        Effect.forkChild(egress.request(get(listener.port, { url: `http://127.0.0.1:${listener.port}/${name}` })), {
          startImmediately: true
        })
      const fibers = yield* Effect.forEach(["a", "b", "c", "d"], fork)
      const [a, b] = [yield* arrived.take, yield* arrived.take]
      assert.deepStrictEqual([a.url, b.url].sort(), ["/a", "/b"])
      assert.isFalse(yield* arrived.poll)
      if (fibers[2] !== undefined) yield* Fiber.interrupt(fibers[2])
      a.answer()
      const next = yield* arrived.take
      assert.strictEqual(next.url, "/d")
      next.answer()
      b.answer()
      yield* Effect.forEach([fibers[0], fibers[1], fibers[3]], (fiber) => (fiber ? Fiber.join(fiber) : Effect.void))
      assert.strictEqual(listener.connections(), 2)
    }).pipe(Effect.provide(OpenTwo))
  )

  it.effect("closes the connections of an origin that has not been called for a minute", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((_, response) => response.end("ok"))
      yield* egress.request(get(listener.port))
      yield* TestClock.adjust("1 minute")
      yield* Queue.take(listener.closed)
      yield* egress.request(get(listener.port))
      assert.strictEqual(listener.connections(), 2)
    }).pipe(Effect.provide(Open))
  )

  it.effect("leaves an origin alone in which a request is under way", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const arrived = yield* signals<{ answer(): void }>()
      const listener = yield* serve((_, response) => arrived.give({ answer: () => response.end("late") }))
      const fiber = yield* Effect.forkChild(egress.request(get(listener.port)))
      const { answer } = yield* arrived.take
      yield* TestClock.adjust("5 minutes")
      answer()
      assert.strictEqual((yield* Fiber.join(fiber)).body, "late")
    }).pipe(Effect.provide(Open))
  )

  it.effect("closes every connection with its layer", () =>
    Effect.gen(function* () {
      const listener = yield* serve((_, response) => response.end("ok"))
      const once = Effect.flatMap(Egress, (egress) => egress.request(get(listener.port)))
      yield* once.pipe(Effect.provide(Open))
      yield* Queue.take(listener.closed)
    })
  )
})
