import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, refusal, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** What the documentation lets other applications call. */
const documented = [
  "contact_query",
  "contacts_off",
  "contacts_on",
  "emit",
  "emit_off",
  "emit_on",
  "emit_rows",
  "emit_trigger",
  "follow_existing",
  "follow_rows",
  "forget_sources",
  "upsert_contact",
  "uuid7"
]

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("The outbox, for another application", (it) => {
  it.effect("takes its documented columns and returns the id", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const [made] = yield* sql<{ readonly id: string }>`
        INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key, traceparent)
        VALUES ('user-1', 'CARD_VIEW', '{"b": 1.50, "a":12345678901234567890}', 'key-1',
          '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
        RETURNING id`
      assert.match(made?.id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      assert.deepStrictEqual(yield* takeOutbox, [
        {
          id: made?.id ?? "",
          userId: "user-1",
          eventType: "CARD_VIEW",
          payload: '{"b": 1.50, "a":12345678901234567890}'
        }
      ])
    })
  )

  it.effect("takes events together with the application's own rows, or neither", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE card (id text)`
      const both = Effect.andThen(
        sql`INSERT INTO card VALUES ('card-1')`,
        sql`INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES ('user-1', 'CARD_VIEW', '{}')`
      )
      yield* sql.withTransaction(Effect.andThen(both, Effect.fail("no"))).pipe(Effect.flip)
      assert.deepStrictEqual([yield* sql`SELECT id FROM card`, yield* takeOutbox], [[], []])
      yield* sql.withTransaction(both)
      assert.deepStrictEqual([(yield* sql`SELECT id FROM card`).length, (yield* takeOutbox).length], [1, 1])
    })
  )

  it.effect("keeps to itself what is in it, and everything but its entrance", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql } = yield* makeProducer()
      const denied = /^42501: permission denied for/
      const statements = [
        "INSERT INTO nexus.outbox (user_id, event_type, payload, is_system) VALUES ('u', 'CARD_VIEW', '{}', true)",
        "INSERT INTO nexus.outbox (id, user_id, event_type, payload) VALUES (gen_random_uuid(), 'u', 'CARD_VIEW', '{}')",
        "INSERT INTO nexus.outbox (user_id, event_type, payload, created_at) VALUES ('u', 'CARD_VIEW', '{}', now())",
        "INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES ('u', 'CARD_VIEW', '{}') RETURNING payload",
        "SELECT payload FROM nexus.outbox",
        "SELECT user_id FROM nexus.outbox",
        "UPDATE nexus.outbox SET event_type = 'LINK_CLICK'",
        "DELETE FROM nexus.outbox",
        "TRUNCATE nexus.outbox",
        "SELECT setval('nexus.sleeper', 1)",
        "CREATE TABLE nexus.mine ()"
      ]
      for (const statement of statements) assert.match(yield* refusal(sql.unsafe(statement)), denied, statement)

      const tables = yield* admin<{ readonly name: string }>`
        SELECT format('nexus.%I', relname) AS name FROM pg_class
        WHERE relnamespace = 'nexus'::regnamespace AND relkind IN ('r', 'p', 'v') AND relname <> 'outbox'`
      assert.isAbove(tables.length, 10)
      for (const { name } of tables) {
        assert.match(yield* refusal(sql.unsafe(`SELECT FROM ${name}`)), denied, name)
        assert.match(yield* refusal(sql.unsafe(`INSERT INTO ${name} DEFAULT VALUES`)), denied, name)
      }
    })
  )

  it.effect("opens no function to it but the documented ones", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const open = yield* sql<{ readonly name: string }>`
        SELECT DISTINCT proname AS name FROM pg_proc
        WHERE pronamespace = 'nexus'::regnamespace AND has_function_privilege(oid, 'EXECUTE') ORDER BY name`
      assert.deepStrictEqual(
        open.map(({ name }) => name),
        documented
      )
    })
  )

  it.effect("is closed to roles that were not given nexus_producer", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer([])
      assert.strictEqual(
        yield* refusal(sql`INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES ('u', 'CARD_VIEW', '{}')`),
        "42501: permission denied for schema nexus"
      )
      assert.match(yield* refusal(sql`SELECT nexus.emit('u', 'CARD_VIEW', '{}')`), /^42501/)
    })
  )
})
