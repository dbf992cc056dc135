import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Dns } from "effect/net"
import { AddressGuard } from "../../src/egress/AddressGuard.ts"
import { makeGuardedLookup } from "../../src/egress/GuardedLookup.ts"
import { makeOriginPools } from "../../src/egress/OriginPools.ts"

const makePools = Effect.gen(function* () {
  const dns = Dns.make({ lookup: () => Effect.never })
  return yield* makeOriginPools(yield* makeGuardedLookup(dns, new AddressGuard([])), 1)
})

const target = (name: string | number) => ({ origin: `https://${name}.test`, secure: true })

describe("OriginPools", () => {
  it.effect("keeps the pool of an origin", () =>
    Effect.gen(function* () {
      const pools = yield* makePools
      assert.strictEqual(pools.of(target("a")), pools.of(target("a")))
      assert.notStrictEqual(pools.of(target("a")), pools.of(target("b")))
    })
  )

  it.effect("lets a crowd of new origins push out those that rest, without waiting for a sweep", () =>
    Effect.gen(function* () {
      const pools = yield* makePools
      const first = pools.of(target("first"))
      for (let i = 0; i < 10_000; i++) pools.of(target(i))
      assert.notStrictEqual(pools.of(target("first")), first)
    })
  )
})
