import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Dns, NetAddress } from "effect/net"
import { AddressGuard } from "../../src/egress/AddressGuard.ts"
import { makeGuardedLookup } from "../../src/egress/GuardedLookup.ts"

const publicAddress = NetAddress.ipFromStringUnsafe("1.1.1.1")

/** DNS that answers every question once the gate is open, and counts the questions. */
const gatedDns = Effect.gen(function* () {
  const gate = yield* Deferred.make<void>()
  const asked: Array<string> = []
  const dns = Dns.make({
    lookup: (host) =>
      Effect.suspend(() => {
        asked.push(host)
        return Effect.as(Deferred.await(gate), [publicAddress])
      })
  })
  return { gate, asked, lookup: yield* makeGuardedLookup(dns, new AddressGuard([])) }
})

describe("GuardedLookup", () => {
  it.effect("asks once for all who want the same name at the same time, and again afterwards", () =>
    Effect.gen(function* () {
      const { gate, asked, lookup } = yield* gatedDns
      const waiting = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 20 }, () => lookup.resolve("a.test", true)),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* lookup.resolve("b.test", true).pipe(Effect.forkChild({ startImmediately: true }))
      assert.deepStrictEqual(asked, ["a.test", "b.test"])
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(new Set((yield* Fiber.join(waiting)).flat()), new Set([publicAddress]))
      yield* lookup.resolve("a.test", true)
      assert.deepStrictEqual(asked, ["a.test", "b.test", "a.test"])
    })
  )

  it.effect("answers the others when the one who asked first gives up", () =>
    Effect.gen(function* () {
      const { gate, lookup } = yield* gatedDns
      const first = yield* Effect.forkChild(lookup.resolve("a.test", true), { startImmediately: true })
      const second = yield* Effect.forkChild(lookup.resolve("a.test", true), { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(second), [publicAddress])
    })
  )

  it.effect("answers a socket in both forms that it may ask for", () =>
    Effect.gen(function* () {
      const { gate, lookup } = yield* gatedDns
      yield* Deferred.succeed(gate, undefined)
      const ask = (all: boolean) =>
        Effect.callback<unknown>((resume) => {
          lookup.hook(true)("a.test", { all }, (error, ...answer) => resume(Effect.succeed([error, ...answer])))
        })
      assert.deepStrictEqual(yield* ask(true), [null, [{ address: "1.1.1.1", family: 4 }]])
      assert.deepStrictEqual(yield* ask(false), [null, "1.1.1.1", 4])
    })
  )
})
