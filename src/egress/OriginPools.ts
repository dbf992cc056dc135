import { Effect, Schedule } from "effect"
import type { GuardedLookup } from "./GuardedLookup.ts"
import { OriginPool } from "./OriginPool.ts"
import type { Target } from "./Target.ts"

/** The pools of all origins that were called of late. */
export interface OriginPools {
  of(target: Target): OriginPool
}

/**
 * Keeps a pool for each origin, made at its first request and closed once it has not been used from one sweep to the
 * next, every 30 seconds: a hundred thousand origins that were called once leave nothing behind. The scope closes all.
 */
export const makeOriginPools = Effect.fnUntraced(function* (lookup: GuardedLookup, connections: number) {
  const pools = new Map<string, OriginPool>()

  const close = (unwanted: (pool: OriginPool) => boolean) =>
    Effect.sync(() => {
      for (const [origin, pool] of pools) {
        if (!unwanted(pool)) continue
        pools.delete(origin)
        pool.close()
      }
    })

  yield* close((pool) => pool.sweep()).pipe(Effect.repeat(Schedule.spaced("30 seconds")), Effect.forkScoped)
  yield* Effect.addFinalizer(() => close(() => true))

  const of: OriginPools["of"] = ({ origin, secure }) => {
    const known = pools.get(origin)
    if (known !== undefined) return known
    const pool = new OriginPool(origin, connections, lookup.hook(secure))
    pools.set(origin, pool)
    return pool
  }

  return { of } satisfies OriginPools
})
