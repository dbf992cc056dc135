import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, refusal, takeDeadLetters, takeOutbox, type Waiting } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** An application with a table `card` that emits CARD_CREATED for each new row. */
const withCards = Effect.gen(function* () {
  const { sql, role } = yield* makeProducer()
  yield* sql`CREATE TABLE card (id text, owner_id text, title text, password text)`
  yield* sql`SELECT nexus.emit_on('card', 'INSERT', 'CARD_CREATED', user_id => 'owner_id', columns => '{id,title}')`
  return { sql, role }
})

const taken = Effect.map(takeOutbox, (rows) =>
  rows.map(({ userId, eventType, payload }) => [userId, eventType, payload].join(" "))
)

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus.emit_on", (it) => {
  it.effect("emits the named columns of every new row, and no other", () =>
    Effect.gen(function* () {
      const { sql } = yield* withCards
      yield* sql`INSERT INTO card VALUES ('c-1', 'user-1', 'One "quoted"', 'hunter2'), ('c-2', 'user-2', NULL, 'hunter2')`
      assert.deepStrictEqual(yield* taken, [
        'user-1 CARD_CREATED {"id":"c-1","title":"One \\"quoted\\""}',
        'user-2 CARD_CREATED {"id":"c-2","title":null}'
      ])
    })
  )

  it.effect("emits for updates the new row and for deletes the old one, in the order of the columns named", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE card (id int, owner_id uuid, title text)`
      yield* sql`SELECT nexus.emit_on('card', 'update', 'CARD_UPDATED', 'owner_id', '{title,id}')`
      yield* sql`SELECT nexus.emit_on('card', 'DELETE', 'CARD_DELETED', 'owner_id', '{id,title}')`
      const owner = "0199f0a0-0000-7000-8000-000000000000"
      yield* sql`INSERT INTO card VALUES (1, ${owner}::uuid, 'one')`
      yield* sql`UPDATE card SET title = 'two'`
      yield* sql`UPDATE card SET title = 'three' WHERE false`
      yield* sql`DELETE FROM card`
      assert.deepStrictEqual(yield* taken, [
        `${owner} CARD_UPDATED {"title":"two","id":1}`,
        `${owner} CARD_DELETED {"id":1,"title":"two"}`
      ])
    })
  )

  it.effect("keeps the spelling of JSON columns and writes the other types as Postgres does", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TYPE mood AS ENUM ('good', 'bad')`
      yield* sql`CREATE TYPE point3 AS (x int, y int)`
      yield* sql`CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0)`
      yield* sql`CREATE DOMAIN paid AS cents`
      yield* sql`CREATE TABLE thing (owner int, doc json, big bigint, exact numeric, day date, tags text[], mood mood,
        moods mood[], at point3, price paid, flag bool, nothing mood)`
      yield* sql`SELECT nexus.emit_on('thing', 'INSERT', 'THING', 'owner',
        '{doc,big,exact,day,tags,mood,moods,at,price,flag,nothing}')`
      yield* sql.unsafe(`INSERT INTO thing VALUES (7, '{"b": 1.0,"a" :1e3, "nul": "\\u0000"}', 9007199254740993, 1.50,
        '2025-11-20', '{a,"b c"}', 'good', '{bad,good}', '(1,2)', 995, true, NULL)`)
      assert.deepStrictEqual(yield* taken, [
        '7 THING {"doc":{"b": 1.0,"a" :1e3, "nul": "\\u0000"},"big":9007199254740993,"exact":1.50,"day":"2025-11-20",' +
          '"tags":["a","b c"],"mood":"good","moods":["bad","good"],"at":"(1,2)","price":995,"flag":true,"nothing":null}'
      ])
    })
  )

  it.effect("carries any text and any JSON through as they are", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE thing (n int, owner text, words text, doc json)`
      yield* sql`SELECT nexus.emit_on('thing', 'INSERT', 'THING', 'owner', '{n,words,doc}')`
      const text = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0") && text.isWellFormed())
      const samples = fc.sample(fc.tuple(text, text, fc.json()), { numRuns: 300, seed: 11 })
      const column = (index: 0 | 1 | 2) => samples.map((sample) => sample[index])
      yield* sql`
        INSERT INTO thing SELECT n, owner, words, doc::json
        FROM unnest(${column(0)}::text[], ${column(1)}::text[], ${column(2)}::text[]) WITH ORDINALITY AS _ (owner, words, doc, n)`
      const emitted = new Map((yield* takeOutbox).map((row): [number, Waiting] => [JSON.parse(row.payload).n, row]))
      for (const [index, [owner, words, doc]] of samples.entries()) {
        const row = emitted.get(index + 1)
        assert.strictEqual(row?.userId, owner)
        assert.strictEqual(JSON.parse(row?.payload ?? "{}").words, words)
        assert.isTrue(row?.payload.endsWith(`,"doc":${doc}}`), `${row?.payload} has ${doc}`)
      }
    })
  )

  it.effect("knows tables and columns by their very names", () =>
    Effect.gen(function* () {
      const { sql, role } = yield* makeProducer()
      yield* sql.unsafe(`CREATE TABLE "My ""Cards" ("Id" int, "owner'Id" text, "a.b %I $1" text)`)
      yield* sql.unsafe(`SELECT nexus.emit_on('${role}."My ""Cards"', 'INSERT', 'Card.created', 'owner''Id',
        ARRAY['Id', 'a.b %I $1'])`)
      yield* sql.unsafe(`INSERT INTO "My ""Cards" VALUES (1, 'user-1', 'x')`)
      assert.deepStrictEqual(yield* taken, ['user-1 Card.created {"Id":1,"a.b %I $1":"x"}'])
    })
  )

  it.effect("works on a partitioned table", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE visit (id int, owner text, extra text) PARTITION BY RANGE (id)`
      yield* sql`CREATE TABLE visit_low PARTITION OF visit FOR VALUES FROM (0) TO (10)`
      // Another order of columns than its parent's, as an attached table may have.
      yield* sql`CREATE TABLE visit_high (extra text, owner text, id int)`
      yield* sql`ALTER TABLE visit ATTACH PARTITION visit_high FOR VALUES FROM (10) TO (20)`
      yield* sql`SELECT nexus.emit_on('visit', 'INSERT', 'VISIT', 'owner', '{id}')`
      yield* sql`INSERT INTO visit VALUES (1, 'user-1', 'x'), (11, 'user-11', 'y')`
      assert.deepStrictEqual(yield* taken, ['user-1 VISIT {"id":1}', 'user-11 VISIT {"id":11}'])
    })
  )

  it.effect("emits 200,000 rows of one statement", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql } = yield* withCards
      yield* sql`INSERT INTO card SELECT 'c-' || n, 'user-' || n % 100, 'title', 'secret' FROM generate_series(1, 200000) AS n`
      const [counted] = yield* admin`
        SELECT count(*)::int AS rows, count(DISTINCT user_id)::int AS users,
          count(*) FILTER (WHERE payload::text LIKE '%secret%')::int AS secrets FROM nexus.outbox`
      assert.deepStrictEqual(counted, { rows: 200_000, users: 100, secrets: 0 })
      yield* admin`TRUNCATE nexus.outbox`
    })
  )

  it.effect("replaces what it set up before, and emit_off takes it away", () =>
    Effect.gen(function* () {
      const { sql } = yield* withCards
      yield* sql`SELECT nexus.emit_on('card', 'INSERT', 'CARD_CREATED', user_id => 'owner_id', columns => '{title}')`
      yield* sql`INSERT INTO card VALUES ('c-1', 'user-1', 'one', '')`
      assert.deepStrictEqual(yield* taken, ['user-1 CARD_CREATED {"title":"one"}'])
      yield* sql`SELECT nexus.emit_on('card', 'INSERT', 'OTHER', user_id => 'owner_id', columns => '{id}')`
      yield* sql`SELECT nexus.emit_off('card', 'INSERT', 'CARD_CREATED')`
      yield* sql`SELECT nexus.emit_off('card', 'INSERT', 'CARD_CREATED')`
      yield* sql`INSERT INTO card VALUES ('c-2', 'user-1', 'two', '')`
      assert.deepStrictEqual(yield* taken, ['user-1 OTHER {"id":"c-2"}'])
    })
  )

  it.effect("tells event types apart whose names are long", () =>
    Effect.gen(function* () {
      const { sql } = yield* withCards
      const types = ["A", "B"].map((end) => `${"L".repeat(63)}${end}`)
      for (const type of types) yield* sql`SELECT nexus.emit_on('card', 'INSERT', ${type}, 'owner_id', '{id}')`
      yield* sql`SELECT nexus.emit_off('card', 'INSERT', ${types[0] ?? ""})`
      yield* sql`INSERT INTO card VALUES ('c-1', 'user-1', 'one', '')`
      assert.deepStrictEqual((yield* takeOutbox).map(({ eventType }) => eventType).sort(), ["CARD_CREATED", types[1]])
    })
  )

  it.effect("says what is wrong with how it is called", () =>
    Effect.gen(function* () {
      const { sql } = yield* withCards
      const wrong: ReadonlyArray<readonly [call: string, message: string | RegExp]> = [
        ["('card', 'INSERT', 'X', 'owner_id', '{id,nope,Title}')", 'card has no column nope, "Title"'],
        ["('card', 'INSERT', 'X', 'owner', '{id}')", "card has no column owner"],
        ["('card', 'INSERT', 'X', 'owner_id', '{id,NULL}')", "card has no column NULL"],
        ["('card', 'INSERT', 'X', NULL, '{id}')", "card has no column NULL"],
        ["('card', 'INSERT', 'X', 'owner_id', '{id,ctid}')", "card has no column ctid"],
        [
          "('card', 'INSERT', 'X', 'owner_id', '{}')",
          /^name the columns to send, for example columns => '\{id,title\}'/
        ],
        ["('card', 'INSERT', 'X', 'owner_id', NULL)", /^name the columns to send/],
        ["('card', 'INSERT', 'X', 'owner_id', '{id,id}')", "a column is named twice in {id,id}"],
        ["('card', 'TRUNCATE', 'X', 'owner_id', '{id}')", 'the operation "TRUNCATE" is none of INSERT, UPDATE, DELETE'],
        ["('card', NULL, 'X', 'owner_id', '{id}')", /^the operation "<NULL>" is none of/],
        ["('card', 'INSERT', 'NO SPACES', 'owner_id', '{id}')", /^"NO SPACES" is not an event type; use letters/],
        ["('card', 'INSERT', NULL, 'owner_id', '{id}')", /^"<NULL>" is not an event type/]
      ]
      for (const [call, message] of wrong) {
        const said = yield* refusal(sql.unsafe(`SELECT nexus.emit_on${call}`))
        assert.match(said, /^P0001: nexus\.emit_on: /, call)
        const sentence = said.slice("P0001: nexus.emit_on: ".length)
        if (typeof message === "string") assert.strictEqual(sentence, message, call)
        else assert.match(sentence, message, call)
      }
      assert.match(
        yield* refusal(sql`SELECT nexus.emit_on('no_such', 'INSERT', 'X', 'owner_id', '{id}')`),
        /relation "no_such" does not exist/
      )
    })
  )

  it.effect("needs TRIGGER on the table, and nothing else there", () =>
    Effect.gen(function* () {
      const owner = yield* makeProducer([])
      const other = yield* makeProducer()
      yield* owner.sql`CREATE TABLE card (id int, owner_id text)`
      yield* owner.sql.unsafe(`GRANT USAGE ON SCHEMA ${owner.role} TO ${other.role}`)
      const call = other.sql`
        SELECT nexus.emit_on(${`${owner.role}.card`}::regclass, 'INSERT', 'CARD_CREATED', 'owner_id', '{id}')`
      assert.match(yield* refusal(call), /^42501: permission denied for table card/)
      yield* owner.sql.unsafe(`GRANT TRIGGER ON card TO ${other.role}`)
      yield* call
      // Who writes to the table needs no right in the schema of the service.
      yield* owner.sql`INSERT INTO card VALUES (1, 'user-1')`
      assert.deepStrictEqual(yield* taken, ['user-1 CARD_CREATED {"id":1}'])
      assert.deepStrictEqual(yield* takeDeadLetters, [])
    })
  )
})
