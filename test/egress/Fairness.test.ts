import type { RequestListener } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Result } from "effect"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress } from "../../src/egress/Egress.ts"
import { fakeDns } from "./FakeDns.ts"
import { serve } from "./Listener.ts"

const Open = Egress.layerWith({ allow: loopback }).pipe(Layer.provide(fakeDns({})))

const block = Buffer.alloc(64 * 1024, "x")

const hangs: RequestListener = () => undefined
const drips: RequestListener = (_, response) => response.writeHead(200).write("the first drop, and no second")
const hangsUp: RequestListener = (request) => request.socket.destroy()
const redirects: RequestListener = (_, response) =>
  response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end()
const floods: RequestListener = (_, response) => {
  const pump = () => {
    while (!response.destroyed && response.write(block));
  }
  response.on("drain", pump)
  pump()
}

/** A hundred requests at once, more than there are connections to one origin. */
const hundred = (handler: RequestListener) =>
  Effect.gen(function* () {
    const egress = yield* Egress
    const { port } = yield* serve(handler)
    const request = (path: number) =>
      egress.request({
        url: `http://127.0.0.1:${port}/${path}`,
        method: "POST",
        headers: {},
        body: "{}",
        timeout: "25 seconds",
        maxBody: 16_384
      })
    return yield* Effect.forEach(
      Array.from({ length: 100 }, (_, i) => i),
      (i) => Effect.forkChild(Effect.result(request(i)), { startImmediately: true })
    )
  })

const summary = (
  results: ReadonlyArray<Result.Result<{ readonly status: number }, { readonly reason: { _tag: string } }>>
) => new Set(results.map((result) => (Result.isSuccess(result) ? result.success.status : result.failure.reason._tag)))

describe("Fairness", () => {
  it.effect("healthy consumers notice nothing of those beside them that hang, drip, flood, redirect and hang up", () =>
    Effect.gen(function* () {
      const stuck = [...(yield* hundred(hangs)), ...(yield* hundred(drips))]
      const flooded = yield* hundred(floods)
      const redirected = yield* hundred(redirects)
      const hungUp = yield* hundred(hangsUp)
      const healthy = yield* hundred((_, response) => response.end("ok"))

      assert.deepStrictEqual(summary(yield* Fiber.joinAll(healthy)), new Set([200]))
      // Had the healthy ones waited for the stuck ones, those would be through by now.
      assert.isTrue(stuck.every((fiber) => fiber.pollUnsafe() === undefined))
      assert.deepStrictEqual(summary(yield* Fiber.joinAll(flooded)), new Set([200]))
      assert.deepStrictEqual(summary(yield* Fiber.joinAll(redirected)), new Set([302]))
      assert.deepStrictEqual(summary(yield* Fiber.joinAll(hungUp)), new Set(["Unreachable"]))
      yield* Fiber.interruptAll(stuck)
    }).pipe(Effect.provide(Open))
  )
})
