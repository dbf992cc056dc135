import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { DispatcherId } from "../../src/domain/Ids.ts"
import { LeaseRepo } from "../../src/webhooks/LeaseRepo.ts"
import { fanOut, lease } from "../support/Claims.ts"
import { DispatchingLayer, emit, subscribe } from "../support/Dispatching.ts"

const row = Effect.fnUntraced(function* (id: DispatcherId) {
  const sql = yield* PgClient.PgClient
  const [found] = yield* sql<{ endReason: string | null; takenOverBy: string | null }>`
    SELECT end_reason, taken_over_by FROM nexus.dispatcher WHERE id = ${id}::uuid`
  return found
})

/** As if the process had stopped renewing so many milliseconds ago. */
const silentFor = Effect.fnUntraced(function* (id: DispatcherId, millis: number) {
  const sql = yield* PgClient.PgClient
  yield* sql`UPDATE nexus.dispatcher SET heartbeat_at = clock_timestamp() - ${millis} * interval '1 millisecond' WHERE id = ${id}::uuid`
})

const claimed = Effect.fnUntraced(function* (id: DispatcherId) {
  const sql = yield* PgClient.PgClient
  const [found] = yield* sql<{
    count: number
  }>`SELECT count(*)::int AS count FROM nexus.delivery WHERE claimed_by = ${id}::uuid`
  return found?.count
})

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("LeaseRepo", (it) => {
  it.effect("is renewed until it lapses, which can't be undone", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      const id = yield* lease
      yield* silentFor(id, 3000)
      assert.isTrue(yield* leases.renew(id))
      yield* silentFor(id, 5001)
      assert.isFalse(yield* leases.renew(id))
      assert.isFalse(yield* leases.renew(id))
      assert.deepStrictEqual(yield* row(id), { endReason: null, takenOverBy: null })
    })
  )

  it.effect("lapsed leases are taken over once: what they held is free, what others hold stays", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      yield* subscribe("ann", "https://example.com/hook")
      const [dead, alive, ...peers] = yield* Effect.all([lease, lease, lease, lease])
      for (const holder of [dead, alive]) {
        for (let index = 0; index < 3; index++) yield* emit("ann", "CARD_VIEW", "{}")
        yield* fanOut(holder)
      }
      yield* silentFor(alive, 4000)
      yield* Effect.forEach(peers, (peer) => leases.takeOver(peer))
      assert.deepStrictEqual([yield* claimed(dead), yield* claimed(alive)], [3, 3])
      yield* silentFor(dead, 5001)
      const freed = yield* Effect.forEach(peers, (peer) => leases.takeOver(peer), { concurrency: "unbounded" })
      assert.strictEqual(
        freed.reduce((sum, each) => sum + each, 0),
        3
      )
      assert.deepStrictEqual([yield* claimed(dead), yield* claimed(alive)], [0, 3])
      const end = yield* row(dead)
      assert.strictEqual(end?.endReason, "lapsed")
      assert.include(peers.map(String), end?.takenOverBy)
      assert.isFalse(yield* leases.renew(dead))
    })
  )

  it.effect("frees what it still holds when it ends", () =>
    Effect.gen(function* () {
      const leases = yield* LeaseRepo
      yield* subscribe("bob", "https://example.com/hook")
      const id = yield* lease
      yield* emit("bob", "CARD_VIEW", "{}")
      yield* fanOut(id)
      assert.strictEqual(yield* claimed(id), 1)
      yield* leases.end(id)
      assert.strictEqual(yield* claimed(id), 0)
      assert.deepStrictEqual(yield* row(id), { endReason: "stopped", takenOverBy: null })
      assert.isFalse(yield* leases.renew(id))
    })
  )
})
