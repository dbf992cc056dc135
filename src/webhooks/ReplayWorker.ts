import { Cause, Effect, Layer } from "effect"
import type { ReplayId } from "../domain/Replay.ts"
import { ReplayRepo } from "./ReplayRepo.ts"

/** How long the worker rests when there is nothing to replay, or the database doesn't answer. */
const rest = "1 second"

/**
 * Works off replays, batch by batch, while the application runs. Every process that sends runs one: they take turns
 * with the replays that run, and a batch that a process did not finish is done by another, from the same place on.
 */
export const ReplayWorkerLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const repo = yield* ReplayRepo
    let last: ReplayId | null = null

    const turn = Effect.gen(function* () {
      const done = yield* repo.step(last)
      if (done === undefined) return yield* Effect.sleep(rest)
      last = done
    }).pipe(
      Effect.catchTag("SqlError", (error) =>
        Effect.andThen(
          Effect.logWarning(`A batch of a replay failed; it is tried again: ${error.message}`),
          Effect.sleep(rest)
        )
      ),
      // A fault in one replay must not end the worker of all.
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logError("A replay failed for a reason of our own", Cause.die(defect)),
          Effect.sleep(rest)
        )
      )
    )

    yield* turn.pipe(Effect.forever, Effect.forkScoped)
  })
)
