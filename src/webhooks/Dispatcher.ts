/** Sends: moves events out of the outbox and deliveries to their webhooks. Every process that runs it is the same. */
import { Cause, Clock, Config, Effect, FiberSet, Latch, Layer, Schedule, Stream } from "effect"
import { listen } from "../database/Listen.ts"
import { PartitionsRepo } from "../database/PartitionsRepo.ts"
import { Count } from "../domain/Count.ts"
import type { DeliveryId, WebhookId } from "../domain/Ids.ts"
import { FanOut } from "../outbox/FanOut.ts"
import { OutboxRepo } from "../outbox/OutboxRepo.ts"
import type { Claim } from "./Claim.ts"
import { DeliveryRepo } from "./DeliveryRepo.ts"
import { DispatcherHealth } from "./DispatcherHealth.ts"
import { Lanes } from "./Lanes.ts"
import { makeLease } from "./Lease.ts"
import { LeaseRepo } from "./LeaseRepo.ts"
import { makeOutcomeLog } from "./OutcomeLog.ts"
import type { Recipient } from "./Recipient.ts"
import { Recipients, type Unusable } from "./Recipients.ts"
import { Sender } from "./Sender.ts"

/** What a dispatcher holds in memory and has under way, at most. */
export const dispatcherLimits = {
  held: Config.schema(Count, "NEXUS_HELD_DELIVERIES").pipe(Config.withDefault(2000)),
  heldPerWebhook: Config.schema(Count, "NEXUS_HELD_DELIVERIES_PER_WEBHOOK").pipe(Config.withDefault(200)),
  inFlight: Config.schema(Count, "NEXUS_REQUESTS").pipe(Config.withDefault(1024)),
  inFlightPerOrigin: Config.schema(Count, "NEXUS_REQUESTS_PER_ORIGIN").pipe(Config.withDefault(64))
}

/** How long an idle dispatcher sleeps when nobody wakes it, and how often it looks for what has become due. */
const pollMillis = 250
/** From how many events at one look on the dispatcher lets more gather before the next, and for how long. */
const crowd = 16
const gathering = "40 millis"
/** Between two sweeps for claims whose answer was lost. */
const sweepMillis = 15_000
/** How long a stopping dispatcher waits for the requests that are under way; they end within 10 seconds. */
const drainLimit = "15 seconds"
/** Comes before every webhook's id. */
const firstWebhook = "00000000-0000-0000-0000-000000000000"
/** Stands in for a recipient that can't be made ready: its deliveries fail, in their lane like any other. */
const unusable = { origin: "", maxInFlight: 10 }

const make = Effect.gen(function* () {
  const fanOut = yield* FanOut
  const outbox = yield* OutboxRepo
  const deliveries = yield* DeliveryRepo
  const leases = yield* LeaseRepo
  const partitions = yield* PartitionsRepo
  const recipients = yield* Recipients
  const sender = yield* Sender
  const health = yield* DispatcherHealth
  const clock = yield* Clock.Clock
  const caps = yield* Config.all(dispatcherLimits)

  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const wake = Latch.makeUnsafe(false)
  /** Webhooks whose waiting deliveries must be claimed anew, under what holds now; "all" after a change by a person. */
  let changed: "all" | ReadonlyArray<WebhookId> = []
  let due = true

  /** Under one lease: claims and sends until it lapses; then, or when interrupted, brings what it holds to an end. */
  const session = Effect.gen(function* () {
    // After a long sleep (a laptop's), the partitions of today may be missing.
    yield* partitions.add
    const lease = yield* makeLease
    const lanes = new Lanes(caps, now, (webhookRunsLow) => {
      due ||= webhookRunsLow
      wake.openUnsafe()
    })
    const requests = yield* FiberSet.make()
    const fork = yield* FiberSet.runtime(requests)()
    const log = yield* makeOutcomeLog(lease.id, (outcomes, disabled) => {
      for (const { attempt } of outcomes) forget(attempt.claim)
      if (disabled.length === 0) return
      if (changed !== "all") changed = [...changed, ...disabled]
      wake.openUnsafe()
    })
    /** The deliveries claimed and not yet written down or given back, with the attempts that each had when claimed. */
    const held = new Map<
      DeliveryId,
      { readonly attempts: number; readonly recipient: Recipient | Unusable | undefined }
    >()
    const forget = ({ deliveryId, attemptCount }: Claim) => {
      if (held.get(deliveryId)?.attempts === attemptCount) held.delete(deliveryId)
    }
    let cursor = firstWebhook
    let claimedAt = Number.NEGATIVE_INFINITY
    let crowded = false
    /** Sweeps to make for claims whose answer was lost: one when the database is back, one for what ended later. */
    let sweeps = 0
    let sweptAt = Number.NEGATIVE_INFINITY
    let stopping = false

    const attempt = Effect.fnUntraced(function* (claim: Claim) {
      const recipient = held.get(claim.deliveryId)?.recipient
      const outcome = yield* (
        recipient === undefined || "error" in recipient
          ? sender.refuse(claim, recipient?.error ?? "The webhook was deleted")
          : sender.send(claim, recipient)
      ).pipe(
        Effect.catchDefect((defect) =>
          Effect.logError("A delivery failed for a reason of our own", Cause.die(defect)).pipe(
            Effect.andThen(
              sender.refuse(claim, "The request could not be made, for a reason that is not the receiver's")
            )
          )
        )
      )
      log.add(outcome)
      lanes.done(claim, outcome.attempt.durationMillis)
      pump()
    })

    const pump = () => {
      while (lease.holds() && !stopping) {
        const claim = lanes.next()
        if (claim === undefined) return
        fork(attempt(claim))
      }
    }

    const giveBack = Effect.fnUntraced(function* (claims: ReadonlyArray<Claim>) {
      if (claims.length === 0) return
      claims.forEach(forget)
      yield* deliveries.giveBack(
        lease.id,
        claims.map((claim) => claim.deliveryId)
      )
    })

    const sweep = Effect.gen(function* () {
      if (sweeps === 0 || now() - sweptAt < sweepMillis) return
      sweptAt = now()
      yield* deliveries.giveBackOthers(lease.id, Array.from(held.keys()))
      sweeps--
    })

    const admit = Effect.fnUntraced(function* (claims: ReadonlyArray<Claim>) {
      if (claims.length === 0) return
      const ready = yield* recipients.of(claims).pipe(Effect.retry(Schedule.spaced("1 second")))
      for (const claim of claims) {
        const recipient = ready.get(claim.webhookId)
        held.set(claim.deliveryId, { attempts: claim.attemptCount, recipient })
        lanes.add(claim, recipient === undefined || "error" in recipient ? unusable : recipient)
      }
      pump()
    })

    /** Claims what is due; true when there may be more. */
    const collect = Effect.gen(function* () {
      const room = lanes.room()
      due = false
      claimedAt = now()
      const claims = yield* deliveries.claim(lease.id, cursor, room)
      yield* admit(claims)
      const full = claims.length >= room.total
      const begunInTheMiddle = cursor !== firstWebhook
      cursor = full ? (claims.at(-1)?.webhookId ?? firstWebhook) : firstWebhook
      due ||= claims.length > 0 && (full || begunInTheMiddle)
    })

    /** Looks once for new events and for what is due; `more` when there may be more of either. */
    const look = Effect.gen(function* () {
      const stale = changed === "all" ? lanes.withdraw() : changed.flatMap((webhookId) => lanes.withdraw(webhookId))
      changed = []
      yield* giveBack([...stale, ...lanes.shed()])
      yield* sweep
      const events = lanes.hasRoom() ? yield* fanOut.next(lease.id, lanes.room()) : undefined
      yield* admit(events?.claims ?? [])
      due ||= (events?.unclaimed ?? 0) > 0 || now() - claimedAt >= pollMillis
      if (due && lanes.hasRoom()) yield* collect
      yield* health.claimed
      return { more: lanes.hasRoom() && (events?.more === true || due), taken: events?.taken ?? 0 }
    })

    // Armed before it looks: what commits while it does wakes it again. While events come faster than one by one it
    // lets them gather instead, unarmed, so that nobody has to notify and a statement moves many.
    const feed = Effect.gen(function* () {
      wake.closeUnsafe()
      if (!crowded && lanes.hasRoom()) yield* outbox.arm
      const { more, taken } = yield* look
      const wasCrowded = crowded
      crowded = more || taken >= crowd
      if (more || (wasCrowded && !crowded)) return
      if (crowded) yield* Effect.sleep(gathering)
      else yield* wake.await.pipe(Effect.timeoutOption(pollMillis))
    }).pipe(
      Effect.catchTag("SqlError", (error) => {
        sweeps = 2
        sweptAt = Number.NEGATIVE_INFINITY
        return Effect.logWarning(
          `The dispatcher's database did not do its part; it goes on trying: ${error.message}`
        ).pipe(Effect.andThen(Effect.sleep("1 second")))
      })
    )

    const drain = Effect.gen(function* () {
      stopping = true
      // Peers can begin with these at once; where it fails, the end of the lease frees them.
      yield* Effect.ignore(giveBack(lanes.withdraw()))
      yield* FiberSet.awaitEmpty(requests)
      yield* log.drained
    }).pipe(
      Effect.timeoutOption(drainLimit),
      Effect.andThen(leases.end(lease.id)),
      Effect.catchTag("SqlError", (error) =>
        Effect.logWarning(`What the dispatcher held waits for its lease to lapse: ${error.message}`)
      )
    )

    yield* feed.pipe(Effect.forever, Effect.raceFirst(lease.lapsed), Effect.ensuring(drain))
    yield* Effect.logWarning("The dispatcher's lease had lapsed; it begins a new one")
  }).pipe(
    Effect.scoped,
    Effect.catchTag("SqlError", (error) =>
      Effect.logWarning(`The dispatcher can't begin a lease; it goes on trying: ${error.message}`).pipe(
        Effect.andThen(Effect.sleep("1 second"))
      )
    ),
    Effect.catchDefect((defect) =>
      Effect.logError("The dispatcher stopped for a reason of our own; it begins a new lease", Cause.die(defect)).pipe(
        Effect.andThen(Effect.sleep("1 second"))
      )
    )
  )

  yield* listen("nexus_wake").pipe(
    Stream.runForEach(() => Effect.sync(() => wake.openUnsafe())),
    Effect.forkScoped
  )
  yield* listen("nexus_changed").pipe(
    Stream.runForEach(() =>
      Effect.sync(() => {
        changed = "all"
        wake.openUnsafe()
      })
    ),
    Effect.forkScoped
  )
  yield* session.pipe(Effect.forever, Effect.forkScoped)
  yield* Effect.addFinalizer(() => health.stopping)
})

/** Runs a dispatcher while the application runs; closing its scope drains it. */
export const DispatcherLayer = Layer.effectDiscard(make)
