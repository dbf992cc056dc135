import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { type EmulatedRequest, type Emulator, type Fault, json, startEmulator } from "nexus-integrations/plugin/testing"

/** What came to an emulator that says yes to everything. */
const started = Effect.gen(function* () {
  const came: Array<EmulatedRequest> = []
  const unauthorized = json(401, {})
  const emulator: Emulator = {
    hosts: ["api"],
    credentials: {},
    answer: (request) => {
      came.push(request)
      return json(200, { size: request.bytes.length })
    },
    failures: { throttled: json(429, {}), unavailable: json(503, {}), unauthorized },
    revokeAccess: () => undefined,
    revocations: () => 0
  }
  const server = yield* startEmulator(emulator)
  const send = (path: string, body: Uint8Array<ArrayBuffer>) =>
    Effect.result(
      Effect.tryPromise(async (signal) => {
        const answer = await fetch(`${server.url}${path}`, { method: "PUT", body, signal })
        return { status: answer.status, body: await answer.text() }
      })
    )
  return { came, server, send }
})

const bytes = (length: number) => new Uint8Array(length).map((_, at) => at % 251)

describe("a fault that cuts a request", () => {
  for (const cutAfter of [0, 1, 70_000, 299_999]) {
    it.live(`lets ${cutAfter} bytes through to the emulator, and no answer back`, () =>
      Effect.gen(function* () {
        const { came, server, send } = yield* started
        server.inject({ kind: { cutAfter }, when: ({ path }) => path === "/cut" })
        const body = bytes(300_000)
        assert.deepStrictEqual((yield* send("/whole", body)).pipe(Result.getOrThrow), {
          status: 200,
          body: '{"size":300000}'
        })
        assert.isTrue(Result.isFailure(yield* send("/cut", body)))
        assert.isTrue(Result.isSuccess(yield* send("/cut", body)))
        const cut = came[1]
        assert.deepStrictEqual([cut?.isPartial, cut?.bytes.length], [true, cutAfter])
        assert.deepStrictEqual(cut?.bytes.at(-1), cutAfter === 0 ? undefined : body[cutAfter - 1])
        assert.deepStrictEqual(
          came.map(({ isPartial }) => isPartial),
          [false, true, false]
        )
        assert.strictEqual(server.requests.length, 3)
      }).pipe(Effect.scoped)
    )
  }

  it.live("is none where the body ends before, and is over after its times", () =>
    Effect.gen(function* () {
      const { came, server, send } = yield* started
      server.inject({ kind: { cutAfter: 1000 }, times: 2 })
      assert.isTrue(Result.isSuccess(yield* send("/", bytes(1000))))
      assert.isTrue(Result.isFailure(yield* send("/", bytes(1001))))
      assert.isTrue(Result.isSuccess(yield* send("/", bytes(1001))))
      assert.deepStrictEqual(
        came.map((request) => request.bytes.length),
        [1000, 1000, 1001]
      )
    }).pipe(Effect.scoped)
  )

  it.live("is forgotten by heal", () =>
    Effect.gen(function* () {
      const { server, send } = yield* started
      const kinds: ReadonlyArray<Fault["kind"]> = ["cut", "cutAnswer", { cutAfter: 1 }]
      for (const kind of kinds) server.inject({ kind })
      server.heal()
      assert.isTrue(Result.isSuccess(yield* send("/", bytes(10))))
    }).pipe(Effect.scoped)
  )

  it.live("keeps no large body in the list of requests", () =>
    Effect.gen(function* () {
      const { came, server, send } = yield* started
      yield* send("/", bytes(2 * 1024 * 1024))
      assert.strictEqual(came[0]?.bytes.length, 2 * 1024 * 1024)
      assert.strictEqual(server.requests[0]?.bytes.length, 0)
      assert.strictEqual(server.requests[0]?.headers["content-length"], String(2 * 1024 * 1024))
    }).pipe(Effect.scoped)
  )
})
