import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, refusal, takeDeadLetters, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** All contacts, by their addresses; taken out, so that the next test starts with none. */
const stored = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql<{
    readonly id: string
    readonly email: string
    readonly firstName: string | null
    readonly [column: string]: unknown
  }>`
    SELECT id, user_id, email, first_name, tags, custom_fields FROM nexus.contact ORDER BY email, user_id`
})
const shown = Effect.map(stored, (rows) => rows.map(({ email, firstName }) => `${email} ${firstName}`))
const clear = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`DELETE FROM nexus.contact`
  yield* takeOutbox
  yield* takeDeadLetters
})

const columns = JSON.stringify({ email: "mail", first_name: "given" })

/** An application whose table `people` contacts follow. */
const withPeople = Effect.gen(function* () {
  yield* clear
  const { sql, role } = yield* makeProducer()
  yield* sql`CREATE TABLE people (id int PRIMARY KEY, owner_id text, mail text, given text, secret text)`
  yield* sql`SELECT nexus.contacts_on('people', user_id => 'owner_id', columns => ${columns}::text::jsonb)`
  return { sql, role }
})

const reasons = Effect.map(takeDeadLetters, (letters) =>
  letters.map(({ reason }) => reason.replace(/^A row of \S+ could not become a contact: /, ""))
)

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus.contacts_on", (it) => {
  it.effect("makes, changes and deletes contacts with their rows, and sends CONTACT_CREATED for new ones", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      yield* sql`INSERT INTO people VALUES (1, 'u', 'a@x.co', 'Ann', 'hunter2'), (2, 'u', 'b@x.co', 'Bob', NULL),
        (3, 'v', 'a@x.co', 'Other', NULL)`
      const [ann] = yield* stored
      assert.deepStrictEqual(yield* shown, ["a@x.co Ann", "a@x.co Other", "b@x.co Bob"])
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, payload }) => [userId, JSON.parse(payload).email]).sort(),
        [
          ["u", "a@x.co"],
          ["u", "b@x.co"],
          ["v", "a@x.co"]
        ]
      )
      yield* sql`UPDATE people SET given = 'Anna', secret = 'x' WHERE id = 1`
      yield* sql`UPDATE people SET mail = 'anna@x.co' WHERE id = 1`
      yield* sql`DELETE FROM people WHERE id = 2`
      assert.deepStrictEqual(yield* shown, ["a@x.co Other", "anna@x.co Anna"])
      assert.strictEqual((yield* stored)[1]?.id, ann?.id)
      assert.deepStrictEqual(yield* takeOutbox, [])
      yield* sql`UPDATE people SET given = NULL WHERE id = 1`
      yield* sql`TRUNCATE people`
      assert.deepStrictEqual(yield* shown, [])
    })
  )

  it.effect("leaves alone what it has no column for, and what an update does not change", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      const admin = yield* PgClient.PgClient
      yield* sql`INSERT INTO people VALUES (1, 'u', 'a@x.co', 'Ann')`
      yield* admin`UPDATE nexus.contact SET phone = '+1', tags = '{vip}', custom_fields = '{"a": 1}', first_name = 'By hand'`
      const mark = admin`SELECT changed_in::text, first_name FROM nexus.contact`
      const before = yield* mark
      yield* sql`UPDATE people SET secret = 'changed'`
      assert.deepStrictEqual(yield* mark, before)
      yield* sql`UPDATE people SET given = 'Anna'`
      assert.deepStrictEqual(yield* admin`SELECT first_name, phone, tags, custom_fields FROM nexus.contact`, [
        { firstName: "Anna", phone: "+1", tags: ["vip"], customFields: { a: 1 } }
      ])
    })
  )

  it.effect("takes custom fields and tags, whatever types they have", () =>
    Effect.gen(function* () {
      yield* clear
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TYPE mood AS ENUM ('good', 'bad')`
      yield* sql`CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0)`
      yield* sql`CREATE TABLE thing (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner int, mail varchar(80), labels text[], list text,
        paid cents, rate numeric, vip bool, mood mood, born date, nothing int)`
      const fields = { paid: "paid", rate: "rate", vip: "vip", mood: "mood", born: "born", nothing: "nothing" }
      const custom = Object.fromEntries(Object.entries(fields).map(([name, col]) => [`custom_fields.${name}`, col]))
      const on = (tags: string) => {
        const columns = JSON.stringify({ email: "mail", tags, ...custom })
        return sql`SELECT nexus.contacts_on('thing', user_id => 'owner', columns => ${columns}::text::jsonb)`
      }
      yield* on("labels")
      yield* sql`INSERT INTO thing (owner, mail, labels, paid, rate, vip, mood, born)
        VALUES (7, ' a@x.co ', '{one,"two three",one}', 995, 1.50, true, 'good', '2025-11-20')`
      const customFields = { paid: 995, rate: 1.5, vip: true, mood: "good", born: "2025-11-20" }
      const [{ id: _, ...row } = { id: "" }] = yield* stored
      assert.deepStrictEqual(row, {
        userId: "7",
        email: "a@x.co",
        firstName: null,
        tags: ["one", "two three"],
        customFields
      })
      yield* on("list")
      yield* sql`UPDATE thing SET list = 'x; y,x;', vip = NULL, nothing = 0`
      const { vip: __, ...rest } = customFields
      const [after] = yield* stored
      assert.deepInclude(after, { tags: ["x", "y"], customFields: { ...rest, nothing: 0 } })
    })
  )

  it.effect("copies the rows that are there when asked, without events", () =>
    Effect.gen(function* () {
      yield* clear
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE people (id int PRIMARY KEY, owner_id text, mail text, given text)`
      yield* sql`INSERT INTO people SELECT n, 'u', 'p' || n || '@x.co', 'P' || n FROM generate_series(1, 2500) AS n`
      yield* sql`INSERT INTO people VALUES (9999, 'u', NULL, 'Nobody')`
      yield* sql`SELECT nexus.contacts_on('people', 'owner_id', ${columns}::text::jsonb, existing => true)`
      assert.strictEqual((yield* stored).length, 2500)
      assert.deepStrictEqual([yield* takeOutbox, yield* reasons], [[], ["The contact has no email address."]])
      yield* sql`UPDATE people SET mail = 'new@x.co' WHERE id = 1`
      yield* sql`DELETE FROM people WHERE id > 1`
      assert.deepStrictEqual(yield* shown, ["new@x.co P1"])
    })
  )

  it.effect("follows the contact that has an address already, and keeps one that other rows follow", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      yield* sql`SELECT nexus.upsert_contact('u', 'here@x.co', first_name => 'Here', phone => '+1')`
      yield* sql`INSERT INTO people VALUES (1, 'u', 'HERE@x.co', 'Row 1'), (2, 'u', 'two@x.co', 'Row 2'), (3, 'u', 'three@x.co', 'Row 3')`
      assert.deepStrictEqual(yield* shown, ["here@x.co Row 1", "three@x.co Row 3", "two@x.co Row 2"])
      // Two rows become one contact: the one that had the address.
      const [, three] = yield* stored
      yield* sql`UPDATE people SET mail = 'three@x.co' WHERE id = 2`
      assert.deepStrictEqual(yield* shown, ["here@x.co Row 1", "three@x.co Row 2"])
      assert.strictEqual((yield* stored)[1]?.id, three?.id)
      yield* sql`DELETE FROM people WHERE id = 3`
      assert.deepStrictEqual(yield* shown, ["here@x.co Row 1", "three@x.co Row 2"])
      // And part again: the row that leaves gets a contact of its own.
      yield* sql`INSERT INTO people VALUES (4, 'u', 'three@x.co', 'Row 4')`
      yield* sql`UPDATE people SET mail = 'four@x.co' WHERE id = 4`
      assert.deepStrictEqual(yield* shown, ["four@x.co Row 4", "here@x.co Row 1", "three@x.co Row 4"])
      yield* sql`DELETE FROM people`
      assert.deepStrictEqual(yield* shown, [])
    })
  )

  it.effect("moves a contact to another user with its row, and follows a row whose key changes", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      yield* sql`INSERT INTO people VALUES (1, 'u', 'a@x.co', 'Ann'), (2, 'u', 'b@x.co', 'Bob')`
      yield* sql`UPDATE people SET owner_id = 'w' WHERE id = 1`
      assert.deepStrictEqual(
        (yield* PgClient.PgClient.pipe(
          Effect.flatMap((admin) => admin`SELECT user_id, email FROM nexus.contact ORDER BY email`)
        )).map(({ userId, email }) => [userId, email]),
        [
          ["w", "a@x.co"],
          ["u", "b@x.co"]
        ]
      )
      const before = yield* stored
      yield* sql`UPDATE people SET id = id + 10`
      assert.deepStrictEqual(yield* stored, before)
      yield* sql`DELETE FROM people WHERE id = 12`
      assert.deepStrictEqual(yield* shown, ["a@x.co Ann"])
    })
  )

  it.effect("works for INSERT ON CONFLICT, on partitioned tables, and on tables without a primary key", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      yield* sql`INSERT INTO people VALUES (1, 'u', 'a@x.co', 'Ann')`
      yield* sql`INSERT INTO people VALUES (1, 'u', 'aa@x.co', 'Anna'), (2, 'u', 'b@x.co', 'Bob')
        ON CONFLICT (id) DO UPDATE SET mail = excluded.mail`
      assert.deepStrictEqual(yield* shown, ["aa@x.co Ann", "b@x.co Bob"])

      yield* clear
      yield* sql`CREATE TABLE part (id int, mail text, given text, owner_id text, PRIMARY KEY (id)) PARTITION BY RANGE (id)`
      yield* sql`CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10)`
      yield* sql`CREATE TABLE part_high (given text, owner_id text, mail text, id int NOT NULL)`
      yield* sql`ALTER TABLE part ATTACH PARTITION part_high FOR VALUES FROM (10) TO (20)`
      yield* sql`SELECT nexus.contacts_on('part', 'owner_id', ${columns}::text::jsonb)`
      yield* sql`INSERT INTO part VALUES (1, 'a@x.co', 'A', 'u'), (11, 'b@x.co', 'B', 'u')`
      const before = yield* stored
      yield* sql`UPDATE part SET id = 12 WHERE id = 1`
      yield* sql`UPDATE part SET given = given || '!'`
      assert.deepStrictEqual(yield* shown, ["a@x.co A!", "b@x.co B!"])
      assert.deepStrictEqual(
        (yield* stored).map(({ id }) => id),
        before.map(({ id }) => id)
      )

      yield* clear
      yield* sql`CREATE TABLE keyless (owner_id text, mail text, given text)`
      yield* sql`SELECT nexus.contacts_on('keyless', 'owner_id', ${columns}::text::jsonb)`
      yield* sql`INSERT INTO keyless VALUES ('u', 'a@x.co', 'A'), ('u', 'b@x.co', 'B')`
      yield* sql`UPDATE keyless SET mail = 'c@x.co' WHERE given = 'A'`
      yield* sql`UPDATE keyless SET given = 'BB' WHERE given = 'B'`
      assert.deepStrictEqual(yield* shown, ["b@x.co BB", "c@x.co A"])
      yield* sql`DELETE FROM keyless WHERE mail = 'b@x.co'`
      assert.deepStrictEqual(yield* shown, ["c@x.co A"])
    })
  )

  it.effect("knows tables and columns by their very names", () =>
    Effect.gen(function* () {
      yield* clear
      const { sql, role } = yield* makeProducer()
      yield* sql.unsafe(`CREATE TABLE "My ""People" ("Id %I" int PRIMARY KEY, "owner'Id" text, "e.mail $1" text)`)
      yield* sql.unsafe(`INSERT INTO "My ""People" VALUES (1, 'u', 'a@x.co')`)
      yield* sql.unsafe(
        `SELECT nexus.contacts_on('${role}."My ""People"', 'owner''Id', '{"email": "e.mail $1"}', existing => true)`
      )
      yield* sql.unsafe(`INSERT INTO "My ""People" VALUES (2, 'u', 'b@x.co')`)
      assert.deepStrictEqual(yield* shown, ["a@x.co null", "b@x.co null"])
    })
  )

  it.effect("stops with contacts_off, which leaves the contacts, and begins anew after it", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      const admin = yield* PgClient.PgClient
      yield* sql`INSERT INTO people VALUES (1, 'u', 'a@x.co', 'Ann')`
      yield* sql`SELECT nexus.contacts_off('people')`
      yield* sql`DELETE FROM people`
      yield* sql`INSERT INTO people VALUES (1, 'u', 'b@x.co', 'Bob')`
      assert.deepStrictEqual(yield* shown, ["a@x.co Ann"])
      assert.deepStrictEqual(yield* admin`SELECT FROM nexus.contact_source`, [])
      yield* sql`SELECT nexus.contacts_on('people', 'owner_id', ${columns}::text::jsonb, emit => false, existing => true)`
      yield* takeOutbox
      yield* sql`INSERT INTO people VALUES (2, 'u', 'c@x.co', 'Cid')`
      assert.deepStrictEqual(yield* shown, ["a@x.co Ann", "b@x.co Bob", "c@x.co Cid"])
      assert.deepStrictEqual(yield* takeOutbox, [])
    })
  )

  it.effect("follows 20,000 rows of one statement, and their update and deletion", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      yield* sql`INSERT INTO people SELECT n, 'u' || n % 7, 'p' || n || '@x.co', 'P' FROM generate_series(1, 20000) AS n`
      assert.deepStrictEqual([(yield* stored).length, (yield* takeOutbox).length], [20_000, 20_000])
      yield* sql`UPDATE people SET given = 'Q'`
      assert.isTrue((yield* stored).every(({ firstName }) => firstName === "Q"))
      yield* sql`DELETE FROM people`
      assert.deepStrictEqual(yield* stored, [])
    })
  )

  it.effect("refuses what can't work, in a sentence", () =>
    Effect.gen(function* () {
      const { sql } = yield* withPeople
      const on = (columns: object | null, user = "owner_id") =>
        refusal(sql`SELECT nexus.contacts_on('people', ${user}, ${JSON.stringify(columns)}::text::jsonb)`)
      assert.match(yield* on({}), /name the column that has the email address/)
      assert.match(yield* on({ first_name: "given" }), /name the column that has the email address/)
      assert.match(yield* on({ email: "mail", nick: "given" }), /a contact has no field nick/)
      assert.match(
        yield* on({ email: "mail", "custom_fields.a b": "given" }),
        /a contact has no field custom_fields.a b/
      )
      assert.match(yield* on({ email: "mial" }), /people has no column mial/)
      assert.match(yield* on({ email: "mail" }, "owner"), /people has no column owner/)
      assert.match(yield* refusal(sql`SELECT nexus.contacts_on('nowhere', 'a', '{}')`), /nowhere/)
    })
  )
})
