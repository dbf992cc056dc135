import { Clock, Crypto, Effect } from "effect"
import { AttemptId, type DispatcherId } from "../../src/domain/Ids.ts"
import { OutboxRepo } from "../../src/outbox/OutboxRepo.ts"
import type { Claim, Room } from "../../src/webhooks/Claim.ts"
import { DeliveryRepo } from "../../src/webhooks/DeliveryRepo.ts"
import { LeaseRepo } from "../../src/webhooks/LeaseRepo.ts"
import type { Attempt, Outcome, Verdict } from "../../src/webhooks/Outcome.ts"

/** Room for everything that a test makes. */
export const roomy: Room = { total: 1000, perWebhook: 1000, taken: [] }

/** Comes before every webhook. */
export const start = "00000000-0000-0000-0000-000000000000"

/** A lease, as a dispatcher begins one. */
export const lease = Effect.flatMap(LeaseRepo, (leases) => leases.begin("test", 1))

/** Fans out all that is in the outbox, under a lease; the claims are in the order of their events. */
export const fanOut = Effect.fnUntraced(function* (dispatcher: DispatcherId, room: Room = roomy) {
  const outbox = yield* OutboxRepo
  return (yield* outbox.fanOut(dispatcher, 500, room)).claims
})

export const delivered: Verdict = { _tag: "Delivered" }
export const failed: Verdict = { _tag: "Failed", gone: false }
export const gone: Verdict = { _tag: "Failed", gone: true }
export const retryIn = (delayMillis: number): Verdict => ({ _tag: "Retry", delayMillis })

/** What came of an attempt of a claim. */
export const outcomeOf = Effect.fnUntraced(function* (claim: Claim, verdict: Verdict, more: Partial<Attempt> = {}) {
  const crypto = yield* Crypto.Crypto
  const now = Number(yield* Clock.monotonicTimeNanos) / 1e6
  const ok = verdict._tag === "Delivered"
  return {
    attempt: {
      id: AttemptId.make(yield* Effect.orDie(crypto.randomUUIDv7())),
      claim,
      number: claim.attemptCount + 1,
      startedAt: now - 100,
      durationMillis: 42,
      responseStatus: ok ? 200 : 500,
      responseHeaders: '{"content-type":"text/plain"}',
      responseBody: ok ? "ok" : "no",
      error: ok ? null : "The receiver answered 500 Internal Server Error",
      ...more
    },
    verdict
  } satisfies Outcome
})

/** Writes outcomes down, as a dispatcher's log does; the ids of the webhooks that it disabled. */
export const complete = Effect.fnUntraced(function* (dispatcher: DispatcherId, outcomes: ReadonlyArray<Outcome>) {
  const deliveries = yield* DeliveryRepo
  return yield* deliveries.complete(dispatcher, outcomes, Number(yield* Clock.monotonicTimeNanos) / 1e6)
})

/** One attempt of each claim, all with the same end. */
export const finish = Effect.fnUntraced(function* (
  dispatcher: DispatcherId,
  claims: ReadonlyArray<Claim>,
  verdict: Verdict,
  more: Partial<Attempt> = {}
) {
  return yield* complete(dispatcher, yield* Effect.forEach(claims, (claim) => outcomeOf(claim, verdict, more)))
})

/** Claims all that is due. */
export const claimDue = Effect.fnUntraced(function* (dispatcher: DispatcherId, room: Room = roomy) {
  const deliveries = yield* DeliveryRepo
  return yield* deliveries.claim(dispatcher, start, room)
})
