import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { subscribe } from "./Dispatching.ts"
import { startReceiver } from "./Receiver.ts"

/** A steady stream of events to one receiver, and the account of it. */
export interface Load {
  /** Waits until so many events have arrived, counted from now. */
  more(count: number): Effect.Effect<void>
  /**
   * Stops the producer, waits until everything has arrived and checks it, after Jepsen's total queue: nothing that was
   * committed is lost, nothing arrives that was not committed, and nothing is sent again once its success is committed.
   * Returns the number
   * of duplicate requests.
   */
  readonly settle: Effect.Effect<{ readonly committed: number; readonly duplicates: number }>
}

let loads = 0

/** Emits 200 events a second for 20 webhooks until it is settled. */
export const startLoad = Effect.gen(function* () {
  const name = `load-${++loads}`
  const sql = yield* PgClient.PgClient
  const receiver = yield* startReceiver()
  for (let index = 0; index < 20; index++) yield* subscribe(`${name}/${index}`, `${receiver.url}/${index}`)

  const committed = new Set<string>()
  let number = 0
  const emit = Effect.gen(function* () {
    const rows = yield* sql<{ readonly id: string }>`
      SELECT nexus.emit(${`${name}/${number++ % 20}`}, 'CARD_VIEW', '{"cardId":"card-1"}') AS id`
    for (const { id } of rows) committed.add(id)
  }).pipe(Effect.ignore)
  const producer = yield* emit.pipe(Effect.repeat(Schedule.fixed("5 millis")), Effect.forkScoped)

  return {
    more: (count) =>
      Effect.suspend(() => {
        const goal = receiver.requests.length + count
        return receiver.until((requests) => requests.length >= goal)
      }),
    settle: Effect.gen(function* () {
      yield* Fiber.interrupt(producer)
      // A commit whose answer was lost is committed all the same.
      const rows = yield* sql<{ readonly id: string }>`
        SELECT id FROM nexus.event WHERE user_id LIKE ${`${name}/%`}
        UNION ALL SELECT id FROM nexus.outbox WHERE user_id LIKE ${`${name}/%`}`
      for (const { id } of rows) committed.add(id)
      yield* receiver.until((requests) => {
        const ids = new Set(requests.map(({ headers }) => headers["webhook-id"]))
        return ids.size >= committed.size
      })
      yield* sql`SELECT FROM nexus.delivery WHERE user_id LIKE ${`${name}/%`}`.pipe(
        Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("50 millis") })
      )
      const ids = new Set(receiver.requests.map(({ headers }) => String(headers["webhook-id"])))
      assert.deepStrictEqual(
        [...committed].filter((id) => !ids.has(id)),
        [],
        "lost"
      )
      assert.deepStrictEqual(
        [...ids].filter((id) => !committed.has(id)),
        [],
        "unexpected"
      )
      const states = yield* sql`
        SELECT delivery_id FROM nexus.delivery_history WHERE user_id LIKE ${`${name}/%`} GROUP BY delivery_id
        HAVING count(*) <> 1 OR bool_or(state <> 'DELIVERED')`
      assert.deepStrictEqual(states, [], "finished more than once, or not delivered")
      const again = yield* sql`
        SELECT delivery_id FROM nexus.attempt JOIN nexus.delivery_history USING (delivery_id)
        WHERE attempt.started_at > finished_at`
      assert.deepStrictEqual(again, [], "sent again although the success was committed")
      return { committed: committed.size, duplicates: receiver.requests.length - ids.size }
    }).pipe(Effect.orDie)
  } satisfies Load
})
