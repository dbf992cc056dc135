/** Gathers the outcomes of attempts and writes them down, many at a time. */
import { Cause, Clock, Effect, Latch, Schedule } from "effect"
import { refusesData } from "../database/PostgresFault.ts"
import type { DispatcherId, WebhookId } from "../domain/Ids.ts"
import { DeliveryRepo } from "./DeliveryRepo.ts"
import type { Outcome } from "./Outcome.ts"
import { Statistics } from "./Statistics.ts"

export interface OutcomeLog {
  /** Adds an outcome; it is written within 10 ms, or as soon as 500 are there, while the database answers. */
  readonly add: (outcome: Outcome) => void
  /** Ends when all that was added is written. */
  readonly drained: Effect.Effect<void>
}

const mostPerStatement = 500
const gathering = "10 millis"

/**
 * A log for one lease. While the database doesn't answer, outcomes wait in memory, as many as requests were under way.
 *
 * @param onWritten is called with outcomes that are written, and the webhooks that were disabled by them
 */
export const makeOutcomeLog = Effect.fnUntraced(function* (
  dispatcher: DispatcherId,
  onWritten: (outcomes: ReadonlyArray<Outcome>, disabled: ReadonlyArray<WebhookId>) => void
) {
  const repo = yield* DeliveryRepo
  const statistics = yield* Statistics
  const clock = yield* Clock.Clock
  const waiting: Array<Outcome> = []
  const some = Latch.makeUnsafe(false)
  const none = Latch.makeUnsafe(true)

  const complete = Effect.fnUntraced(function* (outcomes: ReadonlyArray<Outcome>) {
    const disabled = yield* repo.complete(dispatcher, outcomes, Number(clock.monotonicTimeNanosUnsafe()) / 1e6).pipe(
      Effect.tapError((error) => Effect.logWarning(`Outcomes could not be written: ${error.message}`)),
      Effect.retry({
        schedule: Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")]),
        while: (error) => !refusesData(error)
      })
    )
    statistics.count(outcomes)
    onWritten(outcomes, disabled)
  })

  // One outcome that the database refuses, or that can't even be put to it, must not hold up the others: it goes
  // without the receiver's answer.
  const completeAlone = (outcome: Outcome) =>
    complete([outcome]).pipe(
      Effect.catchCauseIf(isFault, () => complete([withoutAnswer(outcome)])),
      Effect.catchCauseIf(isFault, (cause) => Effect.logError("An outcome was lost", cause))
    )

  const write = Effect.gen(function* () {
    yield* some.await
    if (waiting.length < mostPerStatement) yield* Effect.sleep(gathering)
    const outcomes = waiting.slice(0, mostPerStatement)
    yield* complete(outcomes).pipe(
      Effect.catchCauseIf(isFault, () => Effect.forEach(outcomes, completeAlone, { discard: true }))
    )
    waiting.splice(0, outcomes.length)
    if (waiting.length > 0) return
    some.closeUnsafe()
    none.openUnsafe()
  })
  yield* write.pipe(Effect.forever, Effect.forkScoped)

  return {
    add: (outcome) => {
      waiting.push(outcome)
      none.closeUnsafe()
      some.openUnsafe()
    },
    drained: none.await
  } satisfies OutcomeLog
})

const isFault = (cause: Cause.Cause<unknown>) => !Cause.hasInterrupts(cause)

const withoutAnswer = ({ attempt, verdict }: Outcome): Outcome => ({
  attempt: { ...attempt, responseHeaders: null, responseBody: null },
  verdict
})
