import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { fanOut, lease } from "../support/Claims.ts"
import { DispatchingLayer } from "../support/Dispatching.ts"
import { makeProducer, refusal, takeOutbox } from "../support/Producer.ts"

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("nexus.emit", (it) => {
  it.effect("takes text, json, jsonb and a bare literal", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const spelled = '{"z": 1.0,  "a":10000000000000000000001}'
      const forms: ReadonlyArray<readonly [form: string, arrives: string]> = [
        [`'${spelled}'`, spelled],
        [`'${spelled}'::text`, spelled],
        [`'${spelled}'::json`, spelled],
        // jsonb has forgotten order and spaces before we see it.
        [`'${spelled}'::jsonb`, '{"a": 10000000000000000000001, "z": 1.0}'],
        [`json_build_object('a', 1)`, '{"a" : 1}'],
        [`to_jsonb(ROW(1))`, '{"f1": 1}']
      ]
      for (const [form, arrives] of forms) {
        const [made] = yield* sql.unsafe<{ readonly id: string }>(
          `SELECT nexus.emit('user-1', 'CARD_VIEW', ${form}) AS id`
        )
        assert.deepStrictEqual(
          yield* takeOutbox,
          [{ id: made?.id ?? "", userId: "user-1", eventType: "CARD_VIEW", payload: arrives }],
          form
        )
      }
    })
  )

  it.effect("takes names for its arguments, and a parameter of no type", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql } = yield* makeProducer()
      yield* sql`SELECT nexus.emit(event_type => 'CARD_VIEW', payload => ${'{"a":1}'}, user_id => 'user-1',
        traceparent => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')`
      const rows = yield* admin`SELECT user_id, event_type, traceparent FROM nexus.outbox`
      assert.deepStrictEqual(rows, [
        {
          userId: "user-1",
          eventType: "CARD_VIEW",
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        }
      ])
      yield* takeOutbox
    })
  )

  it.effect("makes one event of one idempotency key", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql } = yield* makeProducer()
      for (const user of ["keyed-1", "keyed-1", "keyed-2"]) {
        yield* sql`SELECT nexus.emit(${user}, 'CARD_VIEW', '{"cardId": "card-123"}', idempotency_key => 'view-987')`
      }
      yield* fanOut(yield* lease)
      const events = yield* admin`SELECT user_id FROM nexus.event WHERE user_id LIKE 'keyed-%' ORDER BY user_id`
      assert.deepStrictEqual(events, [{ userId: "keyed-1" }, { userId: "keyed-2" }])
    })
  )

  it.effect("leaves nothing when its transaction, or only a savepoint, is rolled back", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const emit = (user: string) => sql`SELECT nexus.emit(${user}, 'CARD_VIEW', '{}')`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* emit("stays")
          yield* sql.withTransaction(Effect.andThen(emit("goes"), Effect.fail("no"))).pipe(Effect.ignore)
        })
      )
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId }) => userId),
        ["stays"]
      )
      yield* sql.withTransaction(Effect.andThen(emit("goes"), Effect.fail("no"))).pipe(Effect.ignore)
      assert.deepStrictEqual(yield* takeOutbox, [])
    })
  )

  it.effect("refuses at once what is no JSON, and what is null", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      assert.match(yield* refusal(sql`SELECT nexus.emit('u', 'CARD_VIEW', '{"a":}')`), /^22P02: invalid input syntax/)
      assert.match(yield* refusal(sql`SELECT nexus.emit('u', 'CARD_VIEW', NULL)`), /^23502: null value in column/)
      assert.match(yield* refusal(sql`SELECT nexus.emit(NULL, 'CARD_VIEW', '{}')`), /^23502: null value in column/)
    })
  )
})
