import { Effect, Schedule } from "effect"
import type { GuardedLookup } from "./GuardedLookup.ts"
import { OriginPool } from "./OriginPool.ts"
import type { Target } from "./Target.ts"

/** The pools of all origins that were called of late. */
export interface OriginPools {
  of(target: Pick<Target, "origin" | "secure">): OriginPool
}

/** From how many origins on new ones push out those that rest. A pool weighs some 25 KB: 100 MB in all. */
const crowd = 4_000

/**
 * Keeps a pool for each origin, made at its first request and closed once it has not been used from one sweep to the
 * next. Sweeps come every 30 seconds, and sooner whenever the crowd has grown by a quarter: a hundred thousand origins
 * that are called once never stand here together, and leave nothing behind. The scope closes all.
 */
export const makeOriginPools = Effect.fnUntraced(function* (lookup: GuardedLookup, connections: number) {
  const pools = new Map<string, OriginPool>()
  let crowded = crowd

  const close = (unwanted: (pool: OriginPool) => boolean): void => {
    for (const [origin, pool] of pools) {
      if (!unwanted(pool)) continue
      pools.delete(origin)
      pool.close()
    }
  }
  const sweep = () => close((pool) => pool.sweep())

  yield* Effect.sync(sweep).pipe(Effect.repeat(Schedule.spaced("30 seconds")), Effect.forkScoped)
  yield* Effect.addFinalizer(() => Effect.sync(() => close(() => true)))

  const of: OriginPools["of"] = ({ origin, secure }) => {
    const known = pools.get(origin)
    if (known !== undefined) return known
    if (pools.size >= crowded) {
      sweep()
      crowded = Math.max(crowd, Math.ceil(pools.size * 1.25))
    }
    const pool = new OriginPool(origin, connections, lookup.hook(secure))
    pools.set(origin, pool)
    return pool
  }

  return { of } satisfies OriginPools
})
