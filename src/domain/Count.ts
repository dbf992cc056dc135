import { Schema } from "effect"

/** How many of something may be, as operators set it: a whole number, 1 or more. */
export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
