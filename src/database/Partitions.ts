import { Cause, Effect, Layer } from "effect"
import { DeliveryRepo } from "../webhooks/DeliveryRepo.ts"
import { PartitionsRepo } from "./PartitionsRepo.ts"

/** Runs a statement that works in batches until it finds nothing more; the sum of what it did. */
const inBatches = <E, R>(batch: Effect.Effect<number, E, R>) =>
  Effect.gen(function* () {
    let sum = 0
    let done = 0
    do {
      done = yield* batch
      sum += done
    } while (done > 0)
    return sum
  })

/** One round: new partitions, then the ends of deliveries that are held for too long or stray, then the old partitions. */
export const tendPartitions = Effect.gen(function* () {
  const partitions = yield* PartitionsRepo
  const deliveries = yield* DeliveryRepo

  yield* partitions.add
  const expired = yield* inBatches(deliveries.expire(partitions.days))
  if (expired > 0) yield* Effect.logWarning(`${expired} deliveries expired: they were held for ${partitions.days} days`)
  yield* inBatches(deliveries.deleteStray)
  const dropped = yield* partitions.drop
  if (dropped.length > 0) yield* Effect.logInfo(`Dropped what is older than ${partitions.days} days`, dropped)
  yield* inBatches(partitions.prune)
})

/**
 * Keeps a week of partitions ahead and drops those that are past the retention: once before anything that is built on
 * this layer begins, then every hour. A round that fails is logged and tried again an hour later, long before the
 * partitions ahead are used up.
 */
export const PartitionsLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const round = tendPartitions.pipe(
      Effect.catchTag("SqlError", (error) => Effect.logWarning(`Partitions could not be tended: ${error.message}`)),
      Effect.catchDefect((defect) => Effect.logError("Partitions could not be tended", Cause.die(defect)))
    )
    yield* round
    yield* round.pipe(Effect.delay("1 hour"), Effect.forever, Effect.forkScoped)
  })
)
