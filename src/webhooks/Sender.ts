import { Clock, Context, Effect, Layer } from "effect"
import type { AttemptId } from "../domain/Ids.ts"
import { version } from "../domain/Version.ts"
import { Egress, type EgressResponse } from "../egress/Egress.ts"
import { makeAttemptIds } from "./AttemptIds.ts"
import type { Claim } from "./Claim.ts"
import { type Answer, describe, judge } from "./Judge.ts"
import type { Outcome } from "./Outcome.ts"
import type { Recipient } from "./Recipient.ts"
import { retryDelays } from "./RetrySchedule.ts"
import { sign } from "./Signature.ts"

/** How long a receiver has for its status, and how much of its answer is kept. */
const timeoutMillis = 10_000
const keptBodyBytes = 16_384

/** Makes one attempt of a delivery: one signed POST, its answer read and judged. Never fails, never retries. */
export class Sender extends Context.Service<
  Sender,
  {
    send(claim: Claim, recipient: Recipient): Effect.Effect<Outcome>
    /** The outcome of an attempt that could not be made at all. */
    refuse(claim: Claim, error: string): Effect.Effect<Outcome>
  }
>()("nexus/webhooks/Sender") {
  static readonly layer = Layer.effect(
    Sender,
    Effect.gen(function* () {
      const egress = yield* Egress
      const clock = yield* Clock.Clock
      const delays = yield* retryDelays
      const monotonic = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      const attemptId = yield* makeAttemptIds

      const outcome = (
        id: AttemptId,
        claim: Claim,
        answer: Answer,
        body: string | null,
        startedAt: number
      ): Outcome => ({
        attempt: {
          id,
          claim,
          number: claim.attemptCount + 1,
          startedAt,
          durationMillis: monotonic() - startedAt,
          responseStatus: answer._tag === "Answered" ? answer.status : null,
          responseHeaders: answer._tag === "Answered" ? storable(JSON.stringify(answer.headers)) : null,
          responseBody: body === null ? null : storable(body),
          error: describe(answer)
        },
        verdict: judge(claim, answer, delays, clock.currentTimeMillisUnsafe())
      })

      return Sender.of({
        send: Effect.fnUntraced(function* (claim: Claim, recipient: Recipient) {
          const id = yield* attemptId
          const startedAt = monotonic()
          const now = clock.currentTimeMillisUnsafe()
          return yield* egress
            .request({
              url: recipient.url,
              method: "POST",
              headers: headers(claim, recipient, now),
              body: claim.body,
              timeout: timeoutMillis,
              maxBody: keptBodyBytes
            })
            .pipe(
              Effect.match({
                onSuccess: (answer) => {
                  const { status, headers, body } = concealed(answer, recipient)
                  return outcome(id, claim, { _tag: "Answered", status, headers }, body, startedAt)
                },
                onFailure: ({ message }) => {
                  const error = recipient.scrub === null ? message : recipient.scrub(message)
                  return outcome(id, claim, { _tag: "Unanswered", error }, null, startedAt)
                }
              })
            )
        }),
        refuse: (claim, error) =>
          Effect.map(attemptId, (id) => outcome(id, claim, { _tag: "Unanswered", error }, null, monotonic()))
      })
    })
  )
}

const userAgent = `Nexus-Webhooks/${version}`

const headers = (claim: Claim, recipient: Recipient, now: number): Record<string, string> => {
  const { keys, previousKeyEndsAt } = recipient
  const overlap = previousKeyEndsAt !== null && previousKeyEndsAt > now
  const timestamp = Math.floor(now / 1000)
  return {
    ...recipient.headers,
    "content-type": "application/json",
    ...sign(overlap ? keys : { current: keys.current }, claim.eventId, timestamp, claim.body),
    "x-webhook-id": claim.webhookId,
    "x-webhook-event": claim.eventType,
    "x-webhook-delivery": claim.deliveryId,
    "webhook-id": claim.eventId,
    "webhook-timestamp": String(timestamp),
    "user-agent": userAgent,
    ...(claim.traceparent === null ? {} : { traceparent: claim.traceparent })
  }
}

/** An answer as it may be kept and shown: without a URL that is a secret, which some receivers repeat. */
const concealed = (answer: EgressResponse, { scrub }: Recipient): EgressResponse => {
  if (scrub === null) return answer
  const headers = Object.entries(answer.headers).map(([name, value]) => [name, scrub(value)])
  return { ...answer, headers: Object.fromEntries(headers), body: scrub(answer.body) }
}

// Postgres keeps no NUL in a text.
const storable = (text: string) => text.replaceAll("\u0000", "\uFFFD")
