import { Config, Effect, Random } from "effect"

/** How often a fault is repeated: a few times in the suite, `npm run test:faults` sets more. */
export const rounds = (few: number) => Config.Int("FAULT_ROUNDS").pipe(Config.withDefault(few))

/** Draws the moments of the faults from a seed, `FAULT_SEED`, so that a run can be repeated. */
export const seeded = <A, E, R>(test: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Config.Int("FAULT_SEED").pipe(Config.withDefault(1)), (seed) => Random.withSeed(test, seed))
