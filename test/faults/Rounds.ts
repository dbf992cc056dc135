import { Config } from "effect"

/** How often a fault is repeated: a few times in the suite, `npm run test:faults` sets more. */
export const rounds = (few: number) => Config.Int("FAULT_ROUNDS").pipe(Config.withDefault(few))
