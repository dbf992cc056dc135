import type { Effect } from "effect"

/** How many webhooks the events of the throughput section are for, in turn. */
export const webhookCount = 100

/** One event for one webhook: the same work for every contender. */
export interface BenchEvent {
  readonly id: string
  /** Which webhook it is for, from 0 on. */
  readonly webhook: number
  /** JSON. */
  readonly data: string
}

/** A system that takes events into Postgres and POSTs them, signed in both forms, to the sink. Its process is running. */
export interface Contender {
  readonly name: string
  readonly pid: number
  /** Commits events, all in one statement. */
  insert(events: ReadonlyArray<BenchEvent>): Effect.Effect<void>
  /** Waits until it has written down everything that it sent. */
  readonly drained: Effect.Effect<void>
  /** Statements that its process has made so far. */
  readonly statements: Effect.Effect<number>
  /** Removes what a round leaves behind and would slow the next one down, as its own upkeep does in the long run. */
  readonly tidy: Effect.Effect<void>
}

/** The body that consumers get, as `nexus.outbox` makes it. */
export const bodyOf = (data: string) =>
  `{"event":"CONTACT_CREATED","timestamp":"2025-11-20T10:30:00.000Z","data":${data}}`

/** Events of the size that the product documentation shows, and a note of 300 characters. */
export const makeEvents = (count: number): ReadonlyArray<BenchEvent> =>
  Array.from({ length: count }, (_, index) => ({
    id: `msg-${index}`,
    webhook: index % webhookCount,
    data: JSON.stringify({
      contactId: `contact-${index}`,
      firstName: "John",
      lastName: "Doe",
      email: "john@example.com",
      phone: "+1234567890",
      cardId: "card-123",
      note: "x".repeat(300)
    })
  }))
