import { Context, DateTime, Effect, Layer } from "effect"
import type { Actor } from "../domain/Actor.ts"
import { idOfCursor, isId, pageOf } from "../domain/Cursor.ts"
import { DeadLetter, DeadLetterNotFound } from "../domain/DeadLetter.ts"
import { EventId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import { DeadLetterRepo, type DeadLetterRow } from "./DeadLetterRepo.ts"

/** Letters that go back in one statement. */
const batch = 500

/** The rows of the outbox that can't become events: for operators, over all users. */
export class DeadLetters extends Context.Service<
  DeadLetters,
  {
    /** The newest first. */
    list(page: PageRequest): Effect.Effect<Page<DeadLetter>>
    get(id: string): Effect.Effect<DeadLetter, DeadLetterNotFound>
    /** Puts a letter back into the outbox, as a new event. What is still wrong with it makes it a dead letter again. */
    retry(actor: Actor, id: string): Effect.Effect<void, DeadLetterNotFound>
    /** Puts back all letters, or those of one reason; returns how many. Those that die anew meanwhile are not taken again. */
    retryAll(reason?: string | undefined): Effect.Effect<number>
  }
>()("nexus/outbox/DeadLetters") {
  static readonly layer = Layer.effect(
    DeadLetters,
    Effect.gen(function* () {
      const repo = yield* DeadLetterRepo

      return DeadLetters.of({
        list: Effect.fn("DeadLetters.list")(function* ({ limit, cursor }: PageRequest) {
          const rows = yield* Effect.orDie(repo.list(limit + 1, idOfCursor(cursor)))
          return pageOf(rows.map(letter), limit)
        }),

        get: Effect.fn("DeadLetters.get")(function* (id: string) {
          const row = isId(id) ? yield* Effect.orDie(repo.get(id)) : undefined
          if (row === undefined) return yield* new DeadLetterNotFound({ id })
          return letter(row)
        }),

        retry: Effect.fn("DeadLetters.retry")(function* (actor: Actor, id: string) {
          const done = isId(id) && (yield* Effect.orDie(repo.retry(actor, id)))
          if (!done) return yield* new DeadLetterNotFound({ id })
        }),

        retryAll: Effect.fn("DeadLetters.retryAll")(function* (reason?: string | undefined) {
          const [newest] = yield* repo.list(1, null)
          if (newest === undefined) return 0
          let total = 0
          let taken: number
          do {
            taken = (yield* repo.retryMany(batch, newest.id, reason ?? null)).length
            total += taken
          } while (taken === batch)
          return total
        }, Effect.orDie)
      })
    })
  )
}

const letter = ({ id, createdAt, diedAt, ...rest }: DeadLetterRow) =>
  new DeadLetter({
    ...rest,
    id: EventId.make(id),
    createdAt: DateTime.fromDateUnsafe(createdAt),
    diedAt: DateTime.fromDateUnsafe(diedAt)
  })
