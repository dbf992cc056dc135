import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, refusal, takeDeadLetters, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

const columns = '{"email": "mail", "first_name": "given"}'

/** Another application's table that contacts follow; no contacts are left of the test before. */
const withPeople = Effect.gen(function* () {
  const admin = yield* PgClient.PgClient
  yield* admin`DELETE FROM nexus.contact`
  yield* takeOutbox
  yield* takeDeadLetters
  const { sql, role } = yield* makeProducer()
  yield* sql`CREATE TABLE people (id int PRIMARY KEY, owner_id text, mail text, given text)`
  yield* sql`SELECT nexus.contacts_on('people', user_id => 'owner_id', columns => ${columns}::text::jsonb)`
  const insert = sql`INSERT INTO people VALUES (1, 'u', 'fine@x.co', 'Fine'), (2, 'u', 'bad@x.co', 'Bad')`
  const people = Effect.map(sql`SELECT FROM people`, (rows) => rows.length)
  return { sql, role, insert, people }
})

const contacts = Effect.gen(function* () {
  const admin = yield* PgClient.PgClient
  const rows = yield* admin<{ email: string }>`SELECT email FROM nexus.contact ORDER BY email`
  return rows.map(({ email }) => email)
})

/** Breaks something of the service's for the length of an effect. */
const broken = <A, E, R>(by: string, mend: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const admin = yield* PgClient.PgClient
    yield* Effect.acquireRelease(admin.unsafe(by), () => Effect.orDie(admin.unsafe(mend)))
    return yield* effect
  }).pipe(Effect.scoped)

const refuse = (condition: string) => `ALTER TABLE nexus.contact ADD CONSTRAINT planted CHECK (${condition})`
const mend = "ALTER TABLE nexus.contact DROP CONSTRAINT planted"

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("A trigger of nexus.contacts_on that fails", (it) => {
  it.effect("buries rows that are no contacts, with the reason and nothing more than key and address", () =>
    Effect.gen(function* () {
      const { sql, role, people } = yield* withPeople
      yield* sql`INSERT INTO people VALUES (1, 'u', 'fine@x.co', 'Fine'), (2, 'u', NULL, 'Secret'), (3, 'u', 'nope', 'X'),
        (4, NULL, 'a@x.co', 'X'), (5, 'u', 'long@x.co', repeat('x', 256))`
      assert.deepStrictEqual([yield* people, yield* contacts], [5, ["fine@x.co"]])
      const letters = yield* takeDeadLetters
      const prefix = `A row of ${role}.people could not become a contact: `
      assert.deepStrictEqual(
        letters.map(({ userId, eventType, payload, reason }) => [userId, eventType, JSON.parse(payload), reason]),
        [
          ["u", "nexus.contacts_on", { key: '["2"]', email: null }, `${prefix}The contact has no email address.`],
          [
            "u",
            "nexus.contacts_on",
            { key: '["3"]', email: "nope" },
            `${prefix}The email address is not of the form name@example.com.`
          ],
          ["", "nexus.contacts_on", { key: '["4"]', email: "a@x.co" }, `${prefix}The user id is empty.`],
          [
            "u",
            "nexus.contacts_on",
            { key: '["5"]', email: "long@x.co" },
            `${prefix}The first name is longer than 255 characters.`
          ]
        ]
      )
      // A contact whose row is spoilt stays as it was.
      yield* sql`UPDATE people SET mail = NULL WHERE id = 1`
      assert.deepStrictEqual([yield* contacts, (yield* takeDeadLetters).length], [["fine@x.co"], 1])
      yield* sql`UPDATE people SET mail = 'mended@x.co' WHERE id = 1`
      assert.deepStrictEqual(yield* contacts, ["mended@x.co"])
    })
  )

  it.effect("buries the row that the database refuses, and follows those beside it", () =>
    Effect.gen(function* () {
      const { insert, people } = yield* withPeople
      yield* broken(refuse("email <> 'bad@x.co'"), mend, insert)
      assert.deepStrictEqual([yield* people, yield* contacts], [2, ["fine@x.co"]])
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ payload }) => JSON.parse(payload).email),
        ["fine@x.co"]
      )
      const [letter] = yield* takeDeadLetters
      assert.match(letter?.reason ?? "", /planted/)
    })
  )

  it.effect("keeps the statement when there is no place even for dead letters, and goes on with the transaction", () =>
    Effect.gen(function* () {
      const { sql, insert, people } = yield* withPeople
      yield* broken(
        refuse("false"),
        mend,
        broken(
          "ALTER TABLE nexus.dead_letter RENAME TO dead_letter_gone",
          "ALTER TABLE nexus.dead_letter_gone RENAME TO dead_letter",
          sql.withTransaction(Effect.andThen(insert, sql`INSERT INTO people VALUES (3, 'u', 'c@x.co')`))
        )
      )
      assert.deepStrictEqual([yield* people, yield* contacts], [3, []])
    })
  )

  it.effect("keeps updates and deletes when the tables of contacts are gone, and the schema is closed", () =>
    Effect.gen(function* () {
      const { sql, insert, people } = yield* withPeople
      yield* insert
      const change = Effect.andThen(
        sql`UPDATE people SET given = given || '!', mail = 'x' || mail`,
        sql`DELETE FROM people WHERE id = 1`
      )
      yield* broken(
        "ALTER TABLE nexus.contact_source RENAME TO gone",
        "ALTER TABLE nexus.gone RENAME TO contact_source",
        change
      )
      assert.deepStrictEqual([yield* people, yield* contacts], [1, ["bad@x.co", "fine@x.co"]])
      yield* broken(
        "REVOKE USAGE ON SCHEMA nexus FROM nexus_producer",
        "GRANT USAGE ON SCHEMA nexus TO nexus_producer",
        sql`INSERT INTO people VALUES (7, 'u', 'seven@x.co')`
      )
      assert.deepStrictEqual([yield* people, yield* contacts], [2, ["bad@x.co", "fine@x.co", "seven@x.co"]])
    })
  )

  it.effect("does not wait long for a contact that someone has locked", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql, insert } = yield* withPeople
      yield* insert
      yield* admin.withTransaction(
        Effect.andThen(admin`SELECT FROM nexus.contact FOR UPDATE`, sql`UPDATE people SET given = 'changed'`)
      )
      assert.deepStrictEqual(yield* sql`SELECT DISTINCT given FROM people`, [{ given: "changed" }])
      const letters = yield* takeDeadLetters
      assert.strictEqual(letters.length, 2)
      assert.match(letters[0]?.reason ?? "", /lock timeout/)
    })
  )

  it.effect("lets a cancelled statement be cancelled", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql, people } = yield* withPeople
      yield* admin.withTransaction(
        Effect.andThen(
          admin`LOCK TABLE nexus.contact IN EXCLUSIVE MODE`,
          sql
            .withTransaction(
              Effect.andThen(
                sql`SET LOCAL statement_timeout = '50ms'`,
                sql`INSERT INTO people VALUES (9, 'u', 'n@x.co')`
              )
            )
            .pipe(Effect.flip)
        )
      )
      assert.deepStrictEqual([yield* people, yield* contacts, yield* takeDeadLetters], [0, [], []])
    })
  )

  it.effect("empties a field whose column is gone, and buries rows whose address or user is", () =>
    Effect.gen(function* () {
      const { sql, insert } = yield* withPeople
      const admin = yield* PgClient.PgClient
      yield* insert
      yield* sql`ALTER TABLE people RENAME COLUMN given TO first`
      yield* sql`INSERT INTO people VALUES (3, 'u', 'c@x.co', 'Cid')`
      assert.deepStrictEqual(yield* admin`SELECT first_name FROM nexus.contact WHERE email = 'c@x.co'`, [
        { firstName: null }
      ])
      yield* sql`ALTER TABLE people DROP COLUMN mail`
      yield* sql`INSERT INTO people VALUES (4, 'u', 'Dan')`
      yield* sql`DELETE FROM people WHERE id = 3`
      assert.deepStrictEqual(yield* contacts, ["bad@x.co", "fine@x.co"])
      assert.strictEqual((yield* takeDeadLetters).length, 1)
    })
  )
})

/** A schema whose functions leave a note of who ran them. */
const withWitness = Effect.gen(function* () {
  const { sql, role } = yield* makeProducer()
  const admin = yield* PgClient.PgClient
  yield* sql`CREATE TABLE witness (who text)`
  yield* sql`GRANT ALL ON witness TO PUBLIC`
  yield* sql.unsafe(`GRANT USAGE ON SCHEMA ${role} TO PUBLIC`)
  const note = `BEGIN INSERT INTO ${role}.witness VALUES (current_user); RETURN`
  const others = admin.unsafe(`SELECT who FROM ${role}.witness WHERE who <> '${role}'`)
  return { sql, role, note, others }
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus.contacts_on", (it) => {
  it.effect("runs no code of the application's with the rights of the service", () =>
    Effect.gen(function* () {
      const { sql, role, note, others } = yield* withWitness
      yield* sql`CREATE TYPE lure AS (x int)`
      for (const type of ["text", "jsonb", "json"]) {
        yield* sql.unsafe(`CREATE FUNCTION as_${type}(lure) RETURNS ${type} LANGUAGE plpgsql AS $$ ${note} '1'; END $$`)
        yield* sql.unsafe(`CREATE CAST (lure AS ${type}) WITH FUNCTION as_${type}(lure)`)
      }
      yield* sql.unsafe(`CREATE FUNCTION allow(anyelement) RETURNS bool LANGUAGE plpgsql AS $$ ${note} true; END $$`)
      yield* sql.unsafe(`CREATE FUNCTION same(lure, lure) RETURNS bool LANGUAGE plpgsql AS $$ ${note} true; END $$`)
      yield* sql`CREATE OPERATOR = (LEFTARG = lure, RIGHTARG = lure, FUNCTION = same)`
      yield* sql`CREATE TABLE trap (id int PRIMARY KEY, owner lure, mail text, lure lure, lures lure[])`
      yield* sql`SELECT nexus.contacts_on('trap', 'owner',
        '{"email": "mail", "first_name": "lure", "tags": "lures", "custom_fields.lure": "lure"}')`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          for (const type of ["text", "uuid", "bool", "jsonb", "oid"]) {
            yield* sql.unsafe(
              `CREATE DOMAIN pg_temp.${type} AS pg_catalog.${type} CHECK (${role}.allow(VALUE::pg_catalog.${type}))`
            )
          }
          yield* sql`INSERT INTO trap VALUES (1, ROW(1), 'trap@x.co', ROW(2), ARRAY[ROW(3)::lure])`
          yield* sql`UPDATE trap SET lure = ROW(4)`
        })
      )
      const admin = yield* PgClient.PgClient
      assert.deepStrictEqual(
        yield* admin`SELECT user_id, first_name, tags, custom_fields FROM nexus.contact WHERE email = 'trap@x.co'`,
        [{ userId: "(1)", firstName: "(4)", tags: ["(3)"], customFields: { lure: "(4)" } }]
      )
      yield* sql`DELETE FROM trap`
      assert.deepStrictEqual(yield* others, [])
    })
  )

  it.effect("has a trigger that works as contacts_on makes it alone: no view takes the place of the rows", () =>
    Effect.gen(function* () {
      const { sql, role, note, others } = yield* withWitness
      yield* sql.unsafe(`CREATE FUNCTION spring() RETURNS text LANGUAGE plpgsql AS $$ ${note} 'a@x.co'; END $$`)
      yield* sql`CREATE TABLE trap (id int PRIMARY KEY, owner text, mail text)`
      for (const [name, definition] of [
        ["statement", "AFTER INSERT ON trap FOR EACH STATEMENT"],
        ["row", "AFTER INSERT ON trap FOR EACH ROW"],
        ["before", "BEFORE INSERT ON trap FOR EACH STATEMENT"],
        ["renamed", "AFTER INSERT ON trap REFERENCING NEW TABLE AS others FOR EACH STATEMENT"]
      ]) {
        yield* sql.unsafe(
          `CREATE TRIGGER ${name} ${definition} EXECUTE FUNCTION nexus.follow_rows('owner', '{"email": "mail"}', 'true')`
        )
      }
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql.unsafe(`CREATE TEMP VIEW changed AS SELECT 1 AS id, 'u'::text AS owner, ${role}.spring() AS mail`)
          yield* sql`INSERT INTO trap VALUES (1, 'u', 'b@x.co')`
        })
      )
      assert.deepStrictEqual(yield* others, [])
      assert.notInclude(yield* contacts, "a@x.co")
      assert.strictEqual((yield* sql`SELECT FROM trap`).length, 1)
    })
  )

  it.effect("needs what its caller does to the table to be theirs to do", () =>
    Effect.gen(function* () {
      const owner = yield* makeProducer()
      const other = yield* makeProducer()
      const stranger = yield* makeProducer([])
      yield* owner.sql`CREATE TABLE people (id int PRIMARY KEY, owner_id text, mail text, given text)`
      yield* owner.sql`INSERT INTO people VALUES (1, 'u', 'hidden@x.co', 'X')`
      yield* owner.sql.unsafe(`GRANT USAGE ON SCHEMA ${owner.role} TO ${other.role}, ${stranger.role}`)
      const on = (options = "") =>
        `SELECT nexus.contacts_on('${owner.role}.people', 'owner_id', '${columns}'${options})`
      assert.match(yield* refusal(stranger.sql.unsafe(on())), /^42501/)
      assert.match(yield* refusal(other.sql.unsafe(on())), /^42501.*people/)
      yield* owner.sql.unsafe(`GRANT TRIGGER ON people TO ${other.role}`)
      assert.match(yield* refusal(other.sql.unsafe(on(", existing => true"))), /^42501.*people/)
      assert.notInclude(yield* contacts, "hidden@x.co")
      yield* owner.sql.unsafe(`GRANT SELECT (id, owner_id, mail, given) ON people TO ${other.role}`)
      yield* other.sql.unsafe(on(", existing => true"))
      assert.include(yield* contacts, "hidden@x.co")
      // Who writes to the table needs no right here.
      yield* owner.sql.unsafe(`GRANT INSERT ON people TO ${stranger.role}`)
      yield* stranger.sql.unsafe(`INSERT INTO ${owner.role}.people VALUES (2, 'u', 'strange@x.co')`)
      assert.include(yield* contacts, "strange@x.co")
    })
  )

  it.effect("lets nobody copy rows to a table that contacts don't follow", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE people (id int)`
      yield* sql.unsafe(
        `SELECT nexus.follow_existing('people', ARRAY['{"key": "1", "user_id": "u", "email": "sneaked@x.co", "fields": {}, "custom": {}}'::jsonb])`
      )
      assert.notInclude(yield* contacts, "sneaked@x.co")
    })
  )

  it.effect("lets nobody say what the rows of another application's table are", () =>
    Effect.gen(function* () {
      const owner = yield* makeProducer()
      const other = yield* makeProducer()
      yield* owner.sql`CREATE TABLE people (id int PRIMARY KEY, owner_id text, mail text, given text)`
      yield* owner.sql`SELECT nexus.contacts_on('people', 'owner_id', ${columns}::text::jsonb)`
      yield* owner.sql`INSERT INTO people VALUES (1, 'u', 'theirs@x.co', 'X')`
      const [table] = yield* owner.sql<{ oid: string }>`SELECT 'people'::regclass::oid::text AS oid`
      const moved = JSON.stringify({ key: '["1"]', user_id: "u", email: "moved@x.co", fields: {}, custom: {} })
      const follow = `SELECT nexus.follow_existing(${table?.oid}::regclass, ARRAY['${moved}'::jsonb])`
      yield* other.sql.unsafe(follow)
      assert.include(yield* contacts, "theirs@x.co")
      assert.notInclude(yield* contacts, "moved@x.co")
      // The owner's own roles may, whether they inherit its rights or take them on.
      const admin = yield* PgClient.PgClient
      yield* admin.unsafe(`GRANT ${owner.role} TO ${other.role} WITH INHERIT FALSE`)
      yield* other.sql.withTransaction(
        Effect.andThen(other.sql.unsafe(`SET LOCAL ROLE ${owner.role}`), other.sql.unsafe(follow))
      )
      assert.include(yield* contacts, "moved@x.co")
    })
  )
})
