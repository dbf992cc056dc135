import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { IpNetwork } from "effect/net"
import { TestClock } from "effect/testing"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress, type EgressRequest } from "../../src/egress/Egress.ts"
import { fakeDns, silentDns } from "./FakeDns.ts"
import { serve } from "./Listener.ts"

const get = (url: string): EgressRequest => ({ url, method: "GET", headers: {}, timeout: 20_000, maxBody: 1024 })

const names = {
  "private.test": [["10.0.0.1"]],
  "loopback.test": [["127.0.0.1"]],
  "metadata.test": [["169.254.169.254"]],
  "mapped.test": [["::ffff:127.0.0.1"]],
  "compatible.test": [["::7f00:1"]],
  "mixed.test": [["1.1.1.1", "127.0.0.1"]],
  "mixed6.test": [["1.1.1.1", "::1"]],
  "rebind.test": [["1.1.1.1"], ["127.0.0.1"]],
  "public.test": [["1.1.1.1", "2606:4700:4700::1111"]],
  localhost: [["127.0.0.1", "::1"]]
}

const strict = Egress.layerWith({ allow: [] }).pipe(Layer.provide(fakeDns(names)))

/** Ways to this machine, for a port. */
const waysIn = (port: number) => [
  `https://127.0.0.1:${port}/`,
  `https://127.1:${port}/`,
  `https://2130706433:${port}/`,
  `https://0x7f000001:${port}/`,
  `https://017700000001:${port}/`,
  `https://①②⑦.⓪.⓪.①:${port}/`,
  `https://127。0。0。1:${port}/`,
  `https://127.0.0.1.:${port}/`,
  `https://0.0.0.0:${port}/`,
  `https://0:${port}/`,
  `https://[::]:${port}/`,
  `https://[::1]:${port}/`,
  `https://[::ffff:127.0.0.1]:${port}/`,
  `https://[::ffff:7f00:1]:${port}/`,
  `https://[::7f00:1]:${port}/`,
  `https://localhost:${port}/`,
  `https://LocalHost.:${port}/`,
  `https://me.localhost:${port}/`,
  `https://private.test:${port}/`,
  `https://loopback.test:${port}/`,
  `https://metadata.test:${port}/`,
  `https://mapped.test:${port}/`,
  `https://compatible.test:${port}/`,
  `https://mixed.test:${port}/`,
  `https://mixed6.test:${port}/`,
  `http://127.0.0.1:${port}/`,
  `http://loopback.test:${port}/`,
  `https://a:b@127.0.0.1:${port}/`
]

describe("Egress guard", () => {
  it.effect("lets no connection arrive, whichever way in is tried, and check says the same", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((_, response) => response.end("secret"), "::")
      for (const url of waysIn(listener.port)) {
        const error = yield* Effect.flip(egress.request(get(url)))
        assert.strictEqual(error.reason._tag, "ForbiddenUrl", url)
        assert.deepStrictEqual(yield* Effect.flip(egress.check(url)), error.reason, url)
      }
      assert.strictEqual(listener.connections(), 0)
    }).pipe(Effect.provide(strict))
  )

  it.effect("would let them arrive if they were allowed, so that the count above means something", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((_, response) => response.end("secret"), "::")
      const urls = [
        `http://127.1:${listener.port}/`,
        `http://[::1]:${listener.port}/`,
        `http://loopback.test:${listener.port}/`
      ]
      for (const url of urls) {
        yield* egress.check(url)
        assert.strictEqual((yield* egress.request(get(url))).body, "secret", url)
      }
      assert.strictEqual(listener.connections(), 3)
    }).pipe(Effect.provide(Egress.layerWith({ allow: loopback }).pipe(Layer.provide(fakeDns(names)))))
  )

  it.effect("tells one and the same thing about every blocked name and address", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const messages = new Set<string>()
      for (const host of [
        "127.0.0.1",
        "10.1.2.3",
        "[::1]",
        "localhost",
        "private.test",
        "mixed.test",
        "metadata.test"
      ]) {
        const error = yield* Effect.flip(egress.request(get(`https://${host}/`)))
        messages.add(error.message)
        messages.add((yield* Effect.flip(egress.check(`https://${host}/`))).message)
      }
      assert.strictEqual(messages.size, 1)
    }).pipe(Effect.provide(strict))
  )

  it.effect("judges the answer that it dials, not the one that check saw", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const listener = yield* serve((_, response) => response.end("secret"))
      const url = `https://rebind.test:${listener.port}/`
      yield* egress.check(url)
      const error = yield* Effect.flip(egress.request(get(url)))
      assert.strictEqual(error.reason._tag, "ForbiddenUrl")
      assert.strictEqual(listener.connections(), 0)
    }).pipe(Effect.provide(strict))
  )

  it.effect("dials exactly the address that was judged and asks nobody again", () => {
    const asked: Array<string> = []
    const allow = ["127.0.0.2/32"].map(IpNetwork.fromStringUnsafe)
    const dns = fakeDns({ "turns.test": [["127.0.0.2"], ["127.0.0.1"]] }, asked)
    return Effect.gen(function* () {
      const egress = yield* Egress
      const good = yield* serve((_, response) => response.setHeader("connection", "close").end("good"), "127.0.0.2")
      const bad = yield* serve((_, response) => response.end("bad"), "127.0.0.1", good.port)
      const url = `http://turns.test:${good.port}/`
      assert.strictEqual((yield* egress.request(get(url))).body, "good")
      assert.deepStrictEqual(asked, ["turns.test"])
      const error = yield* Effect.flip(egress.request(get(url)))
      assert.strictEqual(error.reason._tag, "ForbiddenUrl")
      assert.deepStrictEqual([good.connections(), bad.connections()], [1, 0])
    }).pipe(Effect.provide(Egress.layerWith({ allow }).pipe(Layer.provide(dns))))
  })

  it.effect("refuses a name of which only one answer is allowed, and dials neither", () => {
    const allow = ["127.0.0.2/32"].map(IpNetwork.fromStringUnsafe)
    const dns = fakeDns({ "first.test": [["127.0.0.2", "127.0.0.1"]], "last.test": [["127.0.0.1", "127.0.0.2"]] })
    return Effect.gen(function* () {
      const egress = yield* Egress
      const allowed = yield* serve((_, response) => response.end("ok"), "127.0.0.2")
      const forbidden = yield* serve((_, response) => response.end("secret"), "127.0.0.1", allowed.port)
      for (const host of ["first.test", "last.test"]) {
        const error = yield* Effect.flip(egress.request(get(`http://${host}:${allowed.port}/`)))
        assert.strictEqual(error.reason._tag, "ForbiddenUrl")
      }
      assert.deepStrictEqual([allowed.connections(), forbidden.connections()], [0, 0])
    }).pipe(Effect.provide(Egress.layerWith({ allow }).pipe(Layer.provide(dns))))
  })

  it.effect("returns a redirect instead of following it", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const inside = yield* serve((_, response) => response.end("secret"), "127.0.0.2")
      const outside = yield* serve((request, response) => {
        const location = request.url === "/near" ? `http://127.0.0.2:${inside.port}/` : "http://169.254.169.254/latest/"
        response.writeHead(307, { location }).end()
      })
      for (const path of ["near", "metadata"]) {
        const answer = yield* egress.request(get(`http://127.0.0.1:${outside.port}/${path}`))
        assert.strictEqual(answer.status, 307)
      }
      assert.strictEqual(inside.connections(), 0)
    }).pipe(Effect.provide(Egress.layerWith({ allow: loopback }).pipe(Layer.provide(fakeDns({})))))
  )

  it.effect("check lets public names and addresses pass, and names that DNS does not know yet", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      for (const host of [
        "public.test",
        "1.1.1.1",
        "[2606:4700:4700::1111]",
        "not-there-yet.test",
        "under_score.test"
      ]) {
        yield* egress.check(`https://${host}/hook`)
      }
    }).pipe(Effect.provide(strict))
  )

  it.effect("check waits five seconds for DNS and then lets the dial decide", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const checking = yield* Effect.forkChild(egress.check("https://slow.test/"), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(checking)
    }).pipe(Effect.provide(Egress.layerWith({ allow: [] }).pipe(Layer.provide(silentDns))))
  )
})
