/** The deliveries that a dispatcher holds, waiting for their turn: one lane per webhook, served round robin. */
import type { WebhookId } from "../domain/Ids.ts"
import type { Claim, Room } from "./Claim.ts"

/** How much a dispatcher holds, and how many requests it has under way at once. */
export interface Limits {
  /** Deliveries held in all, those of slow webhooks aside. */
  readonly held: number
  /** Deliveries held for one webhook. */
  readonly heldPerWebhook: number
  /** Requests under way in all. */
  readonly inFlight: number
  /** Requests under way to one origin (scheme, host and port). */
  readonly inFlightPerOrigin: number
}

interface Origin {
  readonly name: string
  lanes: number
  inFlight: number
  /** Lanes that wait for this origin. */
  readonly parked: Set<Lane>
}

interface Lane {
  readonly webhookId: WebhookId
  readonly origin: Origin
  readonly waiting: Array<Claim>
  inFlight: number
  maxInFlight: number
  /** When its last request ended well in time, or the first of those under way began, in monotonic milliseconds. */
  progressAt: number
  /** Whether its last request took long: else it would take its full share anew after each round of time-outs. */
  wasSlow: boolean
}

/** A webhook is slow while its requests have brought no quick answer for this long. */
const slowAfterMillis = 2000
/** Text held in bodies, beyond which nothing more is claimed. */
const mostHeldCharacters = 64 * 1024 * 1024

/**
 * Keeps a slow webhook from costing the others anything. A webhook at its cap and one whose origin is at its cap are
 * passed over; a slow one holds no more than it has under way, and while more than half of all requests are under way,
 * it has one.
 *
 * Not an Effect: every call is a few steps on maps, and the dispatcher makes two for each delivery.
 */
export class Lanes {
  readonly #limits: Limits
  readonly #now: () => number
  readonly #onRoom: (webhookRunsLow: boolean) => void
  readonly #lanes = new Map<WebhookId, Lane>()
  readonly #origins = new Map<string, Origin>()
  /** Lanes that may start a request; iterated from the front, a served lane goes to the back. */
  readonly #ready = new Set<Lane>()
  #characters = 0
  #waiting = 0
  #inFlight = 0

  /**
   * @param now the monotonic clock, in milliseconds
   * @param onRoom is called when claiming again may have become worth a statement: for one webhook that runs low, of
   * which more may be due, or because there is room in all
   */
  constructor(limits: Limits, now: () => number, onRoom: (webhookRunsLow: boolean) => void) {
    this.#limits = limits
    this.#now = now
    this.#onRoom = onRoom
  }

  /** What can be claimed on top of what is held. */
  room(): Room {
    const now = this.#now()
    let held = 0
    const taken = Array.from(this.#lanes.values(), (lane) => {
      const slow = this.#isSlow(lane, now)
      const holds = lane.waiting.length + lane.inFlight
      if (!slow) held += holds
      return {
        webhookId: lane.webhookId,
        free: Math.max(0, (slow ? lane.maxInFlight : this.#limits.heldPerWebhook) - holds)
      }
    })
    const total = this.#characters > mostHeldCharacters ? 0 : Math.max(0, this.#limits.held - held)
    return { total, perWebhook: this.#limits.heldPerWebhook, taken }
  }

  /** Whether there is so much room that filling it is worth a statement: few large ones cost less than many small ones. */
  hasRoom(): boolean {
    return this.room().total >= this.#worthwhile()
  }

  /** Puts a claim at the end of its webhook's lane. */
  add(claim: Claim, target: { readonly origin: string; readonly maxInFlight: number }): void {
    const lane = this.#lanes.get(claim.webhookId) ?? this.#open(claim.webhookId, target.origin)
    lane.maxInFlight = target.maxInFlight
    lane.waiting.push(claim)
    this.#waiting++
    this.#characters += claim.body.length
    if (!lane.origin.parked.has(lane)) this.#ready.add(lane)
  }

  /** The next claim that may be sent now, counted as under way; undefined when there is none. */
  next(): Claim | undefined {
    if (this.#inFlight >= this.#limits.inFlight) return undefined
    const now = this.#now()
    for (const lane of this.#ready) {
      this.#ready.delete(lane)
      if (lane.inFlight >= this.#mostInFlight(lane, now)) {
        this.#unpark(lane.origin)
        continue
      }
      if (lane.origin.inFlight >= this.#limits.inFlightPerOrigin) {
        lane.origin.parked.add(lane)
        continue
      }
      const claim = lane.waiting.shift()
      if (claim === undefined) {
        this.#unpark(lane.origin)
        continue
      }
      if (lane.inFlight === 0) lane.progressAt = Math.max(lane.progressAt, now)
      lane.inFlight++
      lane.origin.inFlight++
      this.#inFlight++
      if (lane.waiting.length > 0) this.#ready.add(lane)
      if (lane.origin.inFlight < this.#limits.inFlightPerOrigin) this.#unpark(lane.origin)
      if (lane.waiting.length * 2 === this.#limits.heldPerWebhook) this.#onRoom(true)
      if (--this.#waiting % this.#worthwhile() === 0) this.#onRoom(false)
      return claim
    }
    return undefined
  }

  /** A request has ended, after so many milliseconds. */
  done(claim: Claim, durationMillis: number): void {
    const lane = this.#lanes.get(claim.webhookId)
    if (lane === undefined) return
    const now = this.#now()
    const wasSlow = this.#isSlow(lane, now)
    lane.wasSlow = durationMillis >= slowAfterMillis
    if (!lane.wasSlow) lane.progressAt = now
    lane.inFlight--
    lane.origin.inFlight--
    this.#inFlight--
    this.#characters -= claim.body.length
    this.#unpark(lane.origin)
    if (lane.waiting.length > 0 && !lane.origin.parked.has(lane)) this.#ready.add(lane)
    else if (wasSlow && lane.waiting.length === 0) this.#onRoom(true)
    this.#close(lane)
  }

  /** Takes out what waits for one webhook, or for all; what is under way goes on. */
  withdraw(webhookId?: WebhookId): ReadonlyArray<Claim> {
    const lane = webhookId === undefined ? undefined : this.#lanes.get(webhookId)
    const lanes = webhookId === undefined ? Array.from(this.#lanes.values()) : lane === undefined ? [] : [lane]
    return lanes.flatMap((each) => this.#take(each))
  }

  /** Takes out what waits for slow webhooks, where others, or a later time, serve it better. */
  shed(): ReadonlyArray<Claim> {
    const now = this.#now()
    return Array.from(this.#lanes.values()).flatMap((lane) => (this.#isSlow(lane, now) ? this.#take(lane) : []))
  }

  #worthwhile(): number {
    return Math.ceil(this.#limits.held / 4)
  }

  #isSlow(lane: Lane, now: number): boolean {
    return lane.inFlight > 0 && now - lane.progressAt > slowAfterMillis
  }

  #mostInFlight(lane: Lane, now: number): number {
    const busy = this.#inFlight * 2 > this.#limits.inFlight
    return busy && (lane.wasSlow || this.#isSlow(lane, now)) ? 1 : lane.maxInFlight
  }

  #open(webhookId: WebhookId, name: string): Lane {
    const origin = this.#origins.get(name) ?? { name, lanes: 0, inFlight: 0, parked: new Set() }
    this.#origins.set(name, origin)
    origin.lanes++
    const lane: Lane = {
      webhookId,
      origin,
      waiting: [],
      inFlight: 0,
      maxInFlight: 1,
      progressAt: Number.NEGATIVE_INFINITY,
      wasSlow: false
    }
    this.#lanes.set(webhookId, lane)
    return lane
  }

  #take(lane: Lane): ReadonlyArray<Claim> {
    const claims = lane.waiting.splice(0)
    this.#waiting -= claims.length
    for (const claim of claims) this.#characters -= claim.body.length
    if (this.#ready.delete(lane)) this.#unpark(lane.origin)
    lane.origin.parked.delete(lane)
    this.#close(lane)
    return claims
  }

  /**
   * Lets one lane try, for a request that has ended or for a lane that leaves the ready ones: while an origin is below
   * its cap, one of its lanes is ready or none is parked. To let them all try would cost as much as there are, for each.
   */
  #unpark(origin: Origin): void {
    const [lane] = origin.parked
    if (lane === undefined) return
    origin.parked.delete(lane)
    this.#ready.add(lane)
  }

  #close(lane: Lane): void {
    if (lane.waiting.length > 0 || lane.inFlight > 0) return
    this.#ready.delete(lane)
    this.#lanes.delete(lane.webhookId)
    lane.origin.lanes--
    if (lane.origin.lanes === 0) this.#origins.delete(lane.origin.name)
  }
}
