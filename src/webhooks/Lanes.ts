/** The deliveries that a dispatcher holds, waiting for their turn: one lane per webhook, served round robin. */
import type { WebhookId } from "../domain/Ids.ts"
import type { Claim, Room } from "./Claim.ts"

/** How many deliveries a dispatcher holds, and how many requests it has under way at once. */
export interface Limits {
  /** Held in all, waiting and under way. */
  readonly held: number
  /** Held for one webhook. */
  readonly heldPerWebhook: number
  /** Under way in all. */
  readonly inFlight: number
  /** Under way to one origin (scheme, host and port). */
  readonly inFlightPerOrigin: number
}

interface Origin {
  readonly name: string
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
}

/**
 * Keeps a slow webhook from costing the others anything: a webhook at its cap, and one whose origin is at its cap,
 * are passed over. Not an Effect: every call is a few steps on maps, and the dispatcher makes two for each delivery.
 */
export class Lanes {
  readonly #limits: Limits
  readonly #lanes = new Map<WebhookId, Lane>()
  readonly #origins = new Map<string, Origin>()
  /** Lanes that may start a request; iterated from the front, a served lane goes to the back. */
  readonly #ready = new Set<Lane>()
  #held = 0
  #inFlight = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Deliveries held, waiting and under way. */
  get held(): number {
    return this.#held
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** What can be claimed on top of what is held. */
  room(): Room {
    const taken = Array.from(this.#lanes.values(), (lane) => ({
      webhookId: lane.webhookId,
      free: Math.max(0, this.#limits.heldPerWebhook - lane.waiting.length - lane.inFlight)
    }))
    return { total: Math.max(0, this.#limits.held - this.#held), perWebhook: this.#limits.heldPerWebhook, taken }
  }

  /** Whether a lane is so empty that claiming for it again is worth a statement. */
  wants(webhookId: WebhookId): boolean {
    return (this.#lanes.get(webhookId)?.waiting.length ?? 0) * 2 <= this.#limits.heldPerWebhook
  }

  /** Puts a claim at the end of its webhook's lane. */
  add(claim: Claim, target: { readonly origin: string; readonly maxInFlight: number }): void {
    let lane = this.#lanes.get(claim.webhookId)
    if (lane === undefined) {
      let origin = this.#origins.get(target.origin)
      if (origin === undefined) this.#origins.set(target.origin, (origin = { name: target.origin, inFlight: 0, parked: new Set() }))
      lane = { webhookId: claim.webhookId, origin, waiting: [], inFlight: 0, maxInFlight: target.maxInFlight }
      this.#lanes.set(claim.webhookId, lane)
    }
    lane.maxInFlight = target.maxInFlight
    lane.waiting.push(claim)
    this.#held++
    if (lane.inFlight < lane.maxInFlight && !lane.origin.parked.has(lane)) this.#ready.add(lane)
  }

  /** The next claim that may be sent now, counted as under way; undefined when there is none. */
  next(): Claim | undefined {
    if (this.#inFlight >= this.#limits.inFlight) return undefined
    for (const lane of this.#ready) {
      this.#ready.delete(lane)
      if (lane.origin.inFlight >= this.#limits.inFlightPerOrigin) {
        lane.origin.parked.add(lane)
        continue
      }
      const claim = lane.waiting.shift()
      if (claim === undefined) continue
      lane.inFlight++
      lane.origin.inFlight++
      this.#inFlight++
      if (lane.waiting.length > 0 && lane.inFlight < lane.maxInFlight) this.#ready.add(lane)
      return claim
    }
    return undefined
  }

  /** A request has ended. */
  done(claim: Claim): void {
    const lane = this.#lanes.get(claim.webhookId)
    if (lane === undefined) return
    lane.inFlight--
    lane.origin.inFlight--
    this.#inFlight--
    this.#held--
    for (const parked of lane.origin.parked) this.#ready.add(parked)
    lane.origin.parked.clear()
    if (lane.waiting.length > 0) this.#ready.add(lane)
    else this.#forget(lane)
  }

  /** Takes out what waits, of one webhook or of all; what is under way goes on. */
  withdraw(webhookId?: WebhookId): ReadonlyArray<Claim> {
    const lanes = webhookId === undefined ? Array.from(this.#lanes.values()) : [this.#lanes.get(webhookId)]
    return lanes.flatMap((lane) => {
      if (lane === undefined) return []
      const claims = lane.waiting.splice(0)
      this.#held -= claims.length
      this.#ready.delete(lane)
      lane.origin.parked.delete(lane)
      this.#forget(lane)
      return claims
    })
  }

  #forget(lane: Lane): void {
    if (lane.waiting.length > 0 || lane.inFlight > 0) return
    this.#ready.delete(lane)
    this.#lanes.delete(lane.webhookId)
    if (lane.origin.inFlight === 0 && lane.origin.parked.size === 0) this.#origins.delete(lane.origin.name)
  }
}
