import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { faultOf, refusesData } from "../database/PostgresFault.ts"
import type { DispatcherId } from "../domain/Ids.ts"
import type { Room } from "../webhooks/Claim.ts"
import { OutboxRepo, type FanOut as Result } from "./OutboxRepo.ts"

/** Rows of the outbox in one statement, at most. */
const mostRows = 500

/**
 * Moves events out of the outbox, many at a time. A batch that Postgres refuses is halved until the row that is to
 * blame stands alone and becomes a dead letter; the rows beside it go out.
 */
export class FanOut extends Context.Service<
  FanOut,
  {
    /** One batch, of no more rows than there is room for; `more` when the outbox may hold another. */
    next(dispatcher: DispatcherId, room: Room): Effect.Effect<Result & { readonly more: boolean }, SqlError>
  }
>()("nexus/outbox/FanOut") {
  static readonly layer = Layer.effect(
    FanOut,
    Effect.gen(function* () {
      const repo = yield* OutboxRepo
      let limit = mostRows

      /** Finds out whether it is the first row that Postgres refuses, and buries it then. Peers may be at the same rows. */
      const alone = Effect.fnUntraced(function* (dispatcher: DispatcherId, room: Room) {
        const id = yield* repo.first
        if (id === undefined) return nothing
        return yield* repo
          .fanOut(dispatcher, 1, room, id)
          .pipe(
            Effect.catchTag("SqlError", (error) =>
              !refusesData(error)
                ? Effect.fail(error)
                : Effect.logError(
                    `An outbox row can't be fanned out and becomes a dead letter: ${faultOf(error).message}`
                  ).pipe(
                    Effect.andThen(repo.bury(id, `Postgres refused this row: ${faultOf(error).message}`)),
                    Effect.as(nothing)
                  )
            )
          )
      })

      return FanOut.of({
        next: Effect.fnUntraced(function* (dispatcher: DispatcherId, room: Room) {
          const asked = Math.min(limit, room.total)
          const result = yield* repo.fanOut(dispatcher, asked, room).pipe(
            Effect.catchTag("SqlError", (error) => {
              if (!refusesData(error)) return Effect.fail(error)
              limit = Math.ceil(asked / 2)
              return asked === 1 ? alone(dispatcher, room) : Effect.succeed(nothing)
            })
          )
          if (result === nothing) return { ...nothing, more: true }
          limit = Math.min(limit * 2, mostRows)
          return { ...result, more: result.seen === asked }
        })
      })
    })
  )
}

const nothing: Result = { seen: 0, taken: 0, unclaimed: 0, claims: [] }
