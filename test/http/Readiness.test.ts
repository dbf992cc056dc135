import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Readiness } from "../../src/http/Readiness.ts"
import { GaugeRepo } from "../../src/telemetry/GaugeRepo.ts"
import { DispatcherHealth } from "../../src/webhooks/DispatcherHealth.ts"
import { TestDatabase } from "../support/Database.ts"

const Hanging = Readiness.layer.pipe(
  Layer.provide(Layer.mock(GaugeRepo, { ping: Effect.never })),
  Layer.provideMerge(DispatcherHealth.layer),
  Layer.provide([TestDatabase.layer, NodeServices.layer])
)

layer(Hanging)("Readiness", (it) => {
  it.effect("waits two seconds for a database that hangs, and no longer", () =>
    Effect.gen(function* () {
      const readiness = yield* Readiness
      const report = yield* Effect.forkChild(readiness.report, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      const { status, parts } = yield* Fiber.join(report)
      assert.strictEqual(status, "not ready")
      assert.deepStrictEqual(parts.database, { ok: false, problem: "The database does not answer in time" })
    })
  )

  it.effect("misses a dispatcher that has claimed nothing for ten seconds", () =>
    Effect.gen(function* () {
      const readiness = yield* Readiness
      const health = yield* DispatcherHealth
      const dispatcher = Effect.gen(function* () {
        const report = yield* Effect.forkChild(readiness.report, { startImmediately: true })
        yield* TestClock.adjust("2 seconds")
        return (yield* Fiber.join(report)).parts.dispatcher
      })
      yield* health.claimed
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* dispatcher, { ok: true })
      assert.deepStrictEqual(yield* dispatcher, { ok: false, problem: "Its last claim was 12 s ago" })
    })
  )
})
