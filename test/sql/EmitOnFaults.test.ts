import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, takeDeadLetters, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

const withCards = Effect.gen(function* () {
  const { sql, role } = yield* makeProducer()
  yield* sql`CREATE TABLE card (id int, owner_id text, title text)`
  yield* sql`SELECT nexus.emit_on('card', 'INSERT', 'CARD_CREATED', user_id => 'owner_id', columns => '{id,title}')`
  const insert = sql`INSERT INTO card VALUES (1, 'user-1', 'fine'), (2, 'user-2', 'bad')`
  const cards = Effect.map(sql`SELECT FROM card`, (rows) => rows.length)
  return { sql, role, insert, cards }
})

/** Breaks something of the service's for the length of an effect. */
const broken = <A, E, R>(by: string, mend: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const admin = yield* PgClient.PgClient
    yield* Effect.acquireRelease(admin.unsafe(by), () => Effect.orDie(admin.unsafe(mend)))
    return yield* effect
  }).pipe(Effect.scoped)

const refuseBad = `ALTER TABLE nexus.outbox ADD CONSTRAINT planted CHECK (payload::text NOT LIKE '%bad%')`
const refuseAll = `ALTER TABLE nexus.outbox ADD CONSTRAINT planted CHECK (false)`
const mend = "ALTER TABLE nexus.outbox DROP CONSTRAINT planted"

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("A trigger of nexus.emit_on that fails", (it) => {
  it.effect("buries the row that can't be emitted, with its reason, and emits those beside it", () =>
    Effect.gen(function* () {
      const { insert, cards, role } = yield* withCards
      yield* broken(refuseBad, mend, insert)
      assert.strictEqual(yield* cards, 2)
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, payload }) => [userId, payload]),
        [["user-1", '{"id":1,"title":"fine"}']]
      )
      const letters = yield* takeDeadLetters
      assert.deepStrictEqual(
        letters.map(({ userId, eventType, payload }) => [userId, eventType, payload]),
        [["user-2", "CARD_CREATED", '{"id":2,"title":"bad"}']]
      )
      assert.match(
        letters[0]?.reason ?? "",
        new RegExp(`^The trigger on ${role}\\.card could not emit this row: .*planted`)
      )
    })
  )

  it.effect("keeps the statement when there is no place even for dead letters", () =>
    Effect.gen(function* () {
      const { sql, insert, cards } = yield* withCards
      yield* broken(
        refuseAll,
        mend,
        broken(
          "ALTER TABLE nexus.dead_letter RENAME TO dead_letter_gone",
          "ALTER TABLE nexus.dead_letter_gone RENAME TO dead_letter",
          // The transaction goes on, too.
          sql.withTransaction(Effect.andThen(insert, sql`INSERT INTO card VALUES (3, 'user-3', 'after')`))
        )
      )
      assert.strictEqual(yield* cards, 3)
      assert.deepStrictEqual([yield* takeOutbox, yield* takeDeadLetters], [[], []])
    })
  )

  it.effect("keeps the statement when the service's functions are gone, or its schema is closed", () =>
    Effect.gen(function* () {
      const { insert, cards } = yield* withCards
      yield* broken(
        "ALTER FUNCTION nexus.emit_query RENAME TO emit_query_gone",
        "ALTER FUNCTION nexus.emit_query_gone RENAME TO emit_query",
        insert
      )
      assert.deepStrictEqual([yield* cards, yield* takeOutbox], [2, []])
      yield* broken(
        "REVOKE USAGE ON SCHEMA nexus FROM nexus_producer",
        "GRANT USAGE ON SCHEMA nexus TO nexus_producer",
        insert
      )
      assert.deepStrictEqual([yield* cards, (yield* takeOutbox).length], [4, 2])
    })
  )

  it.effect("sends null for a column that is gone, and a dead letter to fan-out where the user is gone", () =>
    Effect.gen(function* () {
      const { sql, insert } = yield* withCards
      yield* sql`ALTER TABLE card RENAME COLUMN title TO name`
      yield* insert
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ payload }) => payload),
        ['{"id":1,"title":null}', '{"id":2,"title":null}']
      )
      yield* sql`ALTER TABLE card DROP COLUMN owner_id`
      yield* sql`INSERT INTO card VALUES (3, 'x')`
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, payload }) => [userId, payload]),
        [["", '{"id":3,"title":null}']]
      )
    })
  )

  it.effect("lets a cancelled statement be cancelled", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql, cards } = yield* withCards
      // The INSERT into the outbox waits for this lock until the application's own time limit ends its statement.
      const failure = yield* admin.withTransaction(
        Effect.andThen(
          admin`LOCK TABLE nexus.outbox IN EXCLUSIVE MODE`,
          sql
            .withTransaction(
              Effect.andThen(sql`SET LOCAL statement_timeout = '50ms'`, sql`INSERT INTO card VALUES (9, 'user-9', '')`)
            )
            .pipe(Effect.flip)
        )
      )
      assert.strictEqual(failure._tag, "SqlError")
      assert.strictEqual(yield* cards, 0)
      assert.deepStrictEqual([yield* takeOutbox, yield* takeDeadLetters], [[], []])
    })
  )

  it.effect("runs no code of the application's with the rights of the service", () =>
    Effect.gen(function* () {
      const { sql, role } = yield* makeProducer()
      const admin = yield* PgClient.PgClient
      yield* sql`CREATE TABLE witness (who text)`
      yield* sql.unsafe(`GRANT ALL ON ALL TABLES IN SCHEMA ${role} TO PUBLIC`)
      yield* sql.unsafe(`GRANT USAGE ON SCHEMA ${role} TO PUBLIC`)
      const note = `BEGIN INSERT INTO ${role}.witness VALUES (current_user); RETURN`
      yield* sql`CREATE TYPE lure AS (x int)`
      yield* sql.unsafe(`CREATE FUNCTION as_json(lure) RETURNS json LANGUAGE plpgsql AS $$ ${note} '1'; END $$`)
      yield* sql.unsafe(`CREATE FUNCTION as_text(lure) RETURNS text LANGUAGE plpgsql AS $$ ${note} '1'; END $$`)
      yield* sql`CREATE CAST (lure AS json) WITH FUNCTION as_json(lure)`
      yield* sql`CREATE CAST (lure AS text) WITH FUNCTION as_text(lure)`
      yield* sql.unsafe(`CREATE FUNCTION allow(anyelement) RETURNS bool LANGUAGE plpgsql AS $$ ${note} true; END $$`)
      yield* sql`CREATE TABLE trap (owner lure, lure lure, lures lure[])`
      yield* sql`SELECT nexus.emit_on('trap', 'INSERT', 'TRAP', 'owner', '{lure,lures}')`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          for (const type of ["text", "uuid", "bool", "jsonb"]) {
            yield* sql.unsafe(
              `CREATE DOMAIN pg_temp.${type} AS pg_catalog.${type} CHECK (${role}.allow(VALUE::pg_catalog.${type}))`
            )
          }
          yield* sql`INSERT INTO trap VALUES (ROW(1), ROW(2), ARRAY[ROW(3)::lure])`
        })
      )
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, payload }) => [userId, payload]),
        [["(1)", '{"lure":"(2)","lures":["(3)"]}']]
      )
      const ran = yield* admin.unsafe(`SELECT who FROM ${role}.witness WHERE who <> '${role}'`)
      assert.deepStrictEqual(ran, [])
    })
  )

  it.effect("works as emit_on makes it alone: no view takes the place of the rows", () =>
    Effect.gen(function* () {
      const { sql, role } = yield* makeProducer()
      const admin = yield* PgClient.PgClient
      yield* sql`CREATE TABLE witness (who text)`
      yield* sql`GRANT ALL ON witness TO PUBLIC`
      yield* sql.unsafe(`GRANT USAGE ON SCHEMA ${role} TO PUBLIC`)
      yield* sql.unsafe(
        `CREATE FUNCTION spring() RETURNS text LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO ${role}.witness VALUES (current_user); RETURN 'u'; END $$`
      )
      yield* sql`CREATE TABLE trap (id int, owner text)`
      for (const [name, definition] of [
        ["statement", "AFTER INSERT ON trap FOR EACH STATEMENT"],
        ["row", "AFTER INSERT ON trap FOR EACH ROW"],
        ["before", "BEFORE INSERT ON trap FOR EACH STATEMENT"],
        ["renamed", "AFTER INSERT ON trap REFERENCING NEW TABLE AS others FOR EACH STATEMENT"]
      ]) {
        yield* sql.unsafe(
          `CREATE TRIGGER ${name} ${definition} EXECUTE FUNCTION nexus.emit_rows('TRAPPED', 'owner', '{id}')`
        )
      }
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql.unsafe(`CREATE TEMP VIEW changed AS SELECT 1 AS id, ${role}.spring() AS owner`)
          yield* sql`INSERT INTO trap VALUES (1, 'u')`
        })
      )
      const others = yield* admin.unsafe(`SELECT who FROM ${role}.witness WHERE who <> '${role}'`)
      assert.deepStrictEqual(others, [])
      assert.strictEqual((yield* sql`SELECT FROM trap`).length, 1)
      yield* takeOutbox
    })
  )
})
