import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { AttemptId, DeliveryId, DispatcherId, EventId, UserId, WebhookId } from "../../src/domain/Ids.ts"
import { DeliveryRepo } from "../../src/webhooks/DeliveryRepo.ts"
import type { Outcome } from "../../src/webhooks/Outcome.ts"
import { makeOutcomeLog } from "../../src/webhooks/OutcomeLog.ts"
import { Statistics } from "../../src/webhooks/Statistics.ts"

const idOf = <S extends Schema.Codec<string, string>>(schema: S, number: number) =>
  Schema.decodeSync(schema)(`00000000-0000-7000-8000-${String(number).padStart(12, "0")}`)

const outcome = (number: number): Outcome => ({
  attempt: {
    id: idOf(AttemptId, number),
    claim: {
      deliveryId: idOf(DeliveryId, number),
      eventId: idOf(EventId, number),
      webhookId: idOf(WebhookId, number),
      webhookVersion: 1,
      userId: UserId.make("user-1"),
      eventType: "CARD_VIEW",
      body: "{}",
      attemptCount: 0,
      attemptsBefore: 0,
      maxAttempts: 5,
      isManual: false,
      traceparent: null
    },
    number: 1,
    startedAt: 0,
    durationMillis: 1,
    responseStatus: 200,
    responseHeaders: "{}",
    responseBody: "ok",
    error: null
  },
  verdict: { _tag: "Delivered" }
})

/** A database that can't take the answer of one attempt, for a reason that nobody foresaw. */
const makeRepo = (written: Array<Outcome>, broken: AttemptId) =>
  Layer.mock(DeliveryRepo, {
    complete: (_, outcomes) =>
      Effect.suspend(() => {
        const fault = outcomes.some(({ attempt }) => attempt.id === broken && attempt.responseBody !== null)
        if (fault) return Effect.die(new Error("not foreseen"))
        written.push(...outcomes)
        return Effect.succeed([])
      })
  })

it.live("writes what stands beside an outcome that can't be written, and that one without its answer", () => {
  const written: Array<Outcome> = []
  const broken = outcome(2)
  const dependencies = Layer.merge(
    makeRepo(written, broken.attempt.id),
    Layer.succeed(Statistics, { count: () => undefined })
  )
  return Effect.gen(function* () {
    const log = yield* makeOutcomeLog(idOf(DispatcherId, 0), () => undefined)
    for (const each of [outcome(1), broken, outcome(3)]) log.add(each)
    yield* log.drained
    assert.deepStrictEqual(
      written.map(({ attempt }) => [attempt.id, attempt.responseBody]),
      [
        [outcome(1).attempt.id, "ok"],
        [broken.attempt.id, null],
        [outcome(3).attempt.id, "ok"]
      ]
    )
    // It goes on with what comes later.
    log.add(outcome(4))
    yield* log.drained
    assert.strictEqual(written.length, 4)
  }).pipe(Effect.provide(dependencies))
})
