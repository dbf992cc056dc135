import { assert, describe, it } from "@effect/vitest"
import { Clock, ConfigProvider, DateTime, Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { ProviderId } from "../../src/domain/Ids.ts"
import { Egress, type EgressRequest, type EgressResponse } from "../../src/egress/Egress.ts"
import { EgressError, Timeout } from "../../src/egress/EgressError.ts"
import { makeHosts } from "../../src/plugin/Hosts.ts"
import { makePace } from "../../src/plugin/Pace.ts"
import type { Limits } from "../../src/plugin/Provider.ts"
import { makeProviderHttp } from "../../src/plugin/ProviderHttp.ts"
import { makeJumpingClock } from "../../src/plugin/testing/JumpingClock.ts"

const api = "https://api.acme.example"
const limits: Limits = {
  concurrency: 2,
  throttled: ({ status, headers }) => {
    if (status === 402) return { kind: "quota" }
    if (status !== 429) return undefined
    const seconds = headers["retry-after"]
    return seconds === undefined ? { kind: "rate" } : { kind: "rate", retryAfter: `${Number(seconds)} seconds` }
  }
}

const answer = (status: number, body = "{}", headers: Readonly<Record<string, string>> = {}): EgressResponse => ({
  status,
  body,
  headers,
  truncated: false,
  millis: 1
})

/** A client on a network that gives these answers, one after the other and the last one for ever. */
const client = Effect.fnUntraced(function* (
  answers: ReadonlyArray<Effect.Effect<EgressResponse, EgressError>>,
  environment: Readonly<Record<string, string>> = {}
) {
  const sent: Array<EgressRequest> = []
  const network = Egress.of({
    check: () => Effect.void,
    request: (request) =>
      Effect.suspend(() => {
        sent.push(request)
        return answers[Math.min(sent.length, answers.length) - 1] ?? Effect.succeed(answer(200))
      })
  })
  const hosts = yield* makeHosts(ProviderId.make("ACME"), { api }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
  )
  const { execute } = yield* makeProviderHttp({ name: "Acme", limits }, hosts, yield* makePace(limits)).pipe(
    Effect.provideService(Egress, network)
  )
  return { execute, sent }
})

/** Runs a test on a clock that jumps; with how much time has passed for it, in seconds. */
const jumping = <A, E>(test: (passed: Effect.Effect<number>) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const clock = yield* makeJumpingClock
    const start = clock.currentTimeMillisUnsafe()
    const passed = Effect.sync(() => Math.round((clock.currentTimeMillisUnsafe() - start) / 1000))
    return yield* Effect.provideService(test(passed), Clock.Clock, clock)
  })

const get = HttpClientRequest.get(`${api}/things`)

describe("ProviderHttp", () => {
  it.effect("refuses hosts that are not declared, and sends nothing", () =>
    Effect.gen(function* () {
      const { execute, sent } = yield* client([])
      for (const url of [
        "https://attacker.net/",
        "http://api.acme.example/",
        "https://api.acme.example.attacker.net/"
      ]) {
        const { reason, detail } = yield* Effect.flip(execute(HttpClientRequest.get(url)))
        assert.strictEqual(reason._tag, "Misconfigured")
        assert.match(detail, /is none of the hosts that the plugin of Acme may reach$/)
      }
      assert.deepStrictEqual(sent, [])
    })
  )

  it.effect("takes no answer for good that broke off, and a refusal all the same", () =>
    Effect.gen(function* () {
      const cut = (status: number) => Effect.succeed({ ...answer(status, "email,error\n"), truncated: true })
      const { execute } = yield* client([cut(200), cut(400)])
      const { reason, detail } = yield* Effect.flip(execute(get))
      assert.deepStrictEqual([reason._tag, detail], ["Unavailable", "Acme broke off its answer"])
      assert.strictEqual((yield* execute(get)).status, 400)
    })
  )

  it.effect("says so when credentials have characters that no request can carry", () =>
    Effect.gen(function* () {
      const { execute, sent } = yield* client([])
      for (const token of ["pat–1", "pat😀", "pat\r\nx-evil: 1", "pat\0"]) {
        const { reason, detail } = yield* Effect.flip(execute(HttpClientRequest.bearerToken(get, token)))
        assert.strictEqual(reason._tag, "Misconfigured")
        assert.match(detail, /^the credentials have characters in them that no request can carry; copy them anew$/)
      }
      assert.deepStrictEqual(sent, [])
      yield* execute(HttpClientRequest.bearerToken(get, "pät-1 !~"))
      assert.strictEqual(sent.length, 1)
    })
  )

  it.effect("sends what the plugin asks for, also to where a host was pointed", () =>
    Effect.gen(function* () {
      const { execute, sent } = yield* client([], { NEXUS_HOST_ACME_API: "http://127.0.0.1:4010" })
      const request = HttpClientRequest.post(`${api}/things`, { urlParams: { a: "b c" } }).pipe(
        HttpClientRequest.bearerToken("token"),
        HttpClientRequest.bodyJsonUnsafe({ x: 1 })
      )
      assert.strictEqual((yield* execute(request)).status, 200)
      const [only] = sent
      assert.strictEqual(only?.url, "http://127.0.0.1:4010/things?a=b+c")
      assert.deepInclude(only?.headers, {
        authorization: "Bearer token",
        "content-type": "application/json",
        "x-forwarded-host": "api.acme.example"
      })
      assert.strictEqual(new TextDecoder().decode(only?.body instanceof Uint8Array ? only.body : undefined), '{"x":1}')
    })
  )

  it.effect("follows no redirect: it is an answer like any other", () =>
    Effect.gen(function* () {
      const { execute, sent } = yield* client([Effect.succeed(answer(302, "", { location: "https://attacker.net/" }))])
      assert.strictEqual((yield* execute(get)).status, 302)
      assert.strictEqual(sent.length, 1)
    })
  )

  it.live("waits as long as a throttled answer says", () =>
    jumping((passed) =>
      Effect.gen(function* () {
        const slow = Effect.succeed(answer(429, "{}", { "retry-after": "70" }))
        const { execute, sent } = yield* client([slow, slow, Effect.succeed(answer(201))])
        assert.strictEqual((yield* execute(get)).status, 201)
        assert.strictEqual(sent.length, 3)
        assert.strictEqual(yield* passed, 140)
      })
    )
  )

  it.live("waits longer and longer when nothing is said, and gives up at the sixth time", () =>
    jumping((passed) =>
      Effect.gen(function* () {
        const { execute, sent } = yield* client([Effect.succeed(answer(429))])
        const { reason } = yield* Effect.flip(execute(get))
        assert.strictEqual(reason._tag, "RateLimited")
        assert.strictEqual(sent.length, 6)
        assert.strictEqual(yield* passed, 1 + 2 + 4 + 8 + 16)
      })
    )
  )

  it.effect("does not sit out a long wait, and tells until when", () =>
    Effect.gen(function* () {
      const { execute, sent } = yield* client([Effect.succeed(answer(429, "{}", { "retry-after": "3600" }))])
      const { reason } = yield* Effect.flip(execute(get))
      if (reason._tag !== "RateLimited" || reason.until === null) return assert.fail(reason._tag)
      assert.strictEqual(DateTime.toEpochMillis(reason.until), 3_600_000)
      assert.strictEqual(sent.length, 1)
    })
  )

  it.effect("tells a used up allowance at once", () =>
    Effect.gen(function* () {
      const { execute, sent } = yield* client([Effect.succeed(answer(402))])
      assert.strictEqual((yield* Effect.flip(execute(get))).reason._tag, "QuotaExhausted")
      assert.strictEqual(sent.length, 1)
    })
  )

  it.effect("says that the provider can't be reached when the network fails, and tries no more", () =>
    Effect.gen(function* () {
      const reason = new Timeout({ host: "api.acme.example", phase: "answer", millis: 120_000 })
      const { execute, sent } = yield* client([Effect.fail(new EgressError({ reason }))])
      const error = yield* Effect.flip(execute(get))
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.match(error.detail, /^Acme can't be reached: api\.acme\.example took the request/)
      assert.strictEqual(sent.length, 1)
    })
  )
})
