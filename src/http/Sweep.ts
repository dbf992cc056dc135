import { Effect, Layer } from "effect"
import { OAuthStateRepo } from "../oauth/OAuthStateRepo.ts"
import { SessionRepo } from "./SessionRepo.ts"

/** Deletes sessions that are over and attempts that are older than a day, as many as one statement takes. */
export const sweep = Effect.gen(function* () {
  const sessions = yield* SessionRepo
  const states = yield* OAuthStateRepo
  return (yield* sessions.prune) + (yield* states.prune)
})

/** Sweeps every hour, and again at once as long as there is something. */
export const SweepLayer = Layer.effectDiscard(
  sweep.pipe(
    Effect.repeat({ while: (swept) => swept > 0 }),
    Effect.catchCause((cause) => Effect.logWarning("Sessions that are over could not be deleted", cause)),
    Effect.andThen(Effect.sleep("1 hour")),
    Effect.forever,
    Effect.forkScoped
  )
)
