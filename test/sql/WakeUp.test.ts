import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Queue } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, refusal, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** A listener as a dispatcher has one. `heard` is what came since the last look, after all that is committed by then. */
const startListener = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const notifications = yield* sql.listen("nexus_wake")
  const heard = Effect.gen(function* () {
    yield* sql.notify("nexus_wake", "looking")
    let count = 0
    while ((yield* Queue.take(notifications)).payload !== "looking") count++
    return count
  })
  return {
    heard,
    arm: sql`SELECT setval('nexus.sleeper', 2)`,
    isArmed: Effect.map(
      sql<{ readonly armed: boolean }>`SELECT last_value = 2 AS armed FROM nexus.sleeper`,
      (rows) => rows[0]?.armed
    )
  }
})

const emit = "SELECT nexus.emit('user-1', 'CARD_VIEW', '{}')"

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("The wake-up", (it) => {
  it.effect("comes with the commit, and only once while a dispatcher sleeps", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const { arm, heard, isArmed } = yield* startListener
      yield* sql.unsafe(emit)
      assert.strictEqual(yield* heard, 0, "nobody sleeps")

      yield* arm
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql.unsafe(emit)
          assert.strictEqual(yield* heard, 0, "not committed yet")
        })
      )
      assert.strictEqual(yield* heard, 1)
      assert.isFalse(yield* isArmed)
      yield* sql.unsafe(emit)
      assert.strictEqual(yield* heard, 0, "it is awake by now")

      yield* arm
      yield* sql.withTransaction(Effect.andThen(sql.unsafe(emit), Effect.fail("no"))).pipe(Effect.ignore)
      assert.strictEqual(yield* heard, 0, "rolled back")
    })
  )

  it.effect("comes once for a statement, however many rows it has", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const { arm, heard } = yield* startListener
      yield* arm
      yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload)
        SELECT 'user-1', 'CARD_VIEW', '{}' FROM generate_series(1, 1000)`
      assert.strictEqual(yield* heard, 1)
      yield* takeOutbox
    })
  )

  it.effect("stays away where nexus.notify is off", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const { arm, heard, isArmed } = yield* startListener
      yield* arm
      yield* sql.withTransaction(Effect.andThen(sql`SET LOCAL nexus.notify = off`, sql.unsafe(emit)))
      assert.strictEqual(yield* heard, 0)
      assert.isTrue(yield* isArmed)
      yield* sql.unsafe(emit)
      assert.strictEqual(yield* heard, 1, "the setting was for that transaction")
      yield* takeOutbox
    })
  )

  it.effect("lets two-phase commits through where nexus.notify is off", () =>
    Effect.gen(function* () {
      const { sql, role } = yield* makeProducer()
      const [setting] = yield* sql<{ readonly most: number }>`
        SELECT current_setting('max_prepared_transactions')::int AS most`
      const { arm } = yield* startListener
      yield* arm
      // The driver's transactions end with COMMIT; this one ends with PREPARE TRANSACTION, after which it is nobody's.
      const prepare = (settings: string) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql.unsafe(settings)
            yield* sql.unsafe(emit)
            yield* sql.unsafe(`PREPARE TRANSACTION '${role}'`)
          })
        )
      if (setting?.most === 0) {
        assert.match(yield* refusal(prepare("SET LOCAL nexus.notify = off")), /prepared transactions are disabled/)
        return
      }
      assert.match(yield* refusal(prepare("SET LOCAL nexus.notify = on")), /cannot PREPARE a transaction that has/)
      yield* arm
      yield* prepare("SET LOCAL nexus.notify = off")
      assert.deepStrictEqual(yield* takeOutbox, [])
      yield* sql.unsafe(`COMMIT PREPARED '${role}'`)
      assert.strictEqual((yield* takeOutbox).length, 1)
    })
  )
})
