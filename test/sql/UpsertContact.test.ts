import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { faultOf } from "../../src/database/PostgresFault.ts"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, refusal, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

const contacts = Effect.fnUntraced(function* (user: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql<{ readonly email: string; readonly [column: string]: unknown }>`
    SELECT id, email, first_name, last_name, phone, company, job_title, card_id, tags, custom_fields
    FROM nexus.contact WHERE user_id = ${user} ORDER BY id`
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus.upsert_contact", (it) => {
  it.effect("inserts with an event, and then updates what it is given and leaves the rest", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      const [made] = yield* sql<{ id: string }>`
        SELECT nexus.upsert_contact('u-1', ' John@x.co ', first_name => 'John', phone => '+1', card_id => 'card-1',
          tags => '{b,a,b}', custom_fields => '{"score": 1.5, "old": "x", "none": null}') AS id`
      const [again] = yield* sql<{ id: string }>`
        SELECT nexus.upsert_contact('u-1', 'john@X.co', last_name => 'Doe', phone => '', custom_fields => '{"old": null, "new": true}') AS id`
      const [same] = yield* sql<{
        id: string
      }>`SELECT nexus.upsert_contact('u-1', 'john@X.co', last_name => 'Doe') AS id`
      assert.deepStrictEqual([again, same], [made, made])
      const { id = "" } = made ?? {}
      assert.deepStrictEqual(yield* contacts("u-1"), [
        {
          id,
          email: "John@x.co",
          firstName: "John",
          lastName: "Doe",
          phone: null,
          company: null,
          jobTitle: null,
          cardId: "card-1",
          tags: ["b", "a"],
          customFields: { score: 1.5, new: true }
        }
      ])
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, eventType, payload }) => [userId, eventType, payload]),
        [
          [
            "u-1",
            "CONTACT_CREATED",
            `{"contactId":"${id}","firstName":"John","lastName":null,"email":"John@x.co","phone":"+1","cardId":"card-1"}`
          ]
        ]
      )
    })
  )

  it.effect("sends no event where none is wanted, and none that its transaction takes back", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      yield* sql`SELECT nexus.upsert_contact('u-2', 'a@x.co', emit => false)`
      yield* sql
        .withTransaction(Effect.andThen(sql`SELECT nexus.upsert_contact('u-2', 'b@x.co')`, Effect.fail("no")))
        .pipe(Effect.flip)
      assert.deepStrictEqual([(yield* contacts("u-2")).map(({ email }) => email), yield* takeOutbox], [["a@x.co"], []])
    })
  )

  it.effect("makes one contact and one event of 20 callers at once", () =>
    Effect.gen(function* () {
      const producers = yield* Effect.all(
        Array.from({ length: 7 }, () => makeProducer()),
        { concurrency: "unbounded" }
      )
      const calls = producers.flatMap(({ sql }) =>
        ["One@x.co", "one@X.CO", "ONE@x.co"].map(
          (email) => sql<{ id: string }>`SELECT nexus.upsert_contact('u-3', ${email}, first_name => 'One') AS id`
        )
      )
      const ids = yield* Effect.all(calls.slice(0, 20), { concurrency: "unbounded" })
      assert.strictEqual(ids.length, 20)
      assert.strictEqual(new Set(ids.flat().map(({ id }) => id)).size, 1)
      assert.deepStrictEqual([(yield* contacts("u-3")).length, (yield* takeOutbox).length], [1, 1])
    })
  )

  it.effect("refuses what is no contact in a sentence, with a hint", () =>
    Effect.gen(function* () {
      const { sql } = yield* makeProducer()
      for (const [call, expected] of [
        ["'', 'a@x.co'", "The user id is empty."],
        ["NULL, 'a@x.co'", "The user id is empty."],
        ["repeat('u', 256), 'a@x.co'", "The user id is longer than 255 characters."],
        ["'u', NULL", "The contact has no email address."],
        ["'u', '  '", "The contact has no email address."],
        ["'u', 'a@localhost'", "The email address is not of the form name@example.com."],
        ["'u', 'a@x.co' || chr(10) || 'b@x.co'", "The email address is not of the form name@example.com."],
        ["'u', repeat('a', 260) || '@x.co'", "The email address is longer than 254 characters."],
        ["'u', 'a@x.co', first_name => repeat('a', 256)", "The first name is longer than 255 characters."],
        ["'u', 'a@x.co', phone => repeat('1', 65)", "The phone number is longer than 64 characters."],
        ["'u', 'a@x.co', tags => array_fill('t'::text, ARRAY[101])", "There are more than 100 tags."],
        ["'u', 'a@x.co', tags => '{\" a\"}'", "A tag is empty, longer than 100 characters, or has spaces at its ends."],
        ["'u', 'a@x.co', tags => '{NULL}'", "A tag is empty, longer than 100 characters, or has spaces at its ends."],
        ["'u', 'a@x.co', custom_fields => '[1]'", "The custom fields are not a JSON object."],
        ["'u', 'a@x.co', custom_fields => '1'", "The custom fields are not a JSON object."],
        [
          "'u', 'a@x.co', custom_fields => '{\"a b\": 1}'",
          'The custom field "a b" is not named with a letter, then up to 63 letters, digits and _.'
        ],
        [
          "'u', 'a@x.co', custom_fields => '{\"a\": {}}'",
          'The custom field "a" is neither a text, a number, a boolean nor null.'
        ],
        [
          "'u', 'a@x.co', custom_fields => jsonb_build_object('a', repeat('x', 4097))",
          'The custom field "a" is longer than 4096 characters.'
        ]
      ] as const) {
        const fault = faultOf(yield* Effect.flip(sql.unsafe(`SELECT nexus.upsert_contact(${call})`)))
        assert.deepStrictEqual([fault.code, fault.message], ["22023", `nexus.upsert_contact: ${expected}`])
        assert.match(fault.hint ?? "", /sql\/README\.md/)
      }
      assert.deepStrictEqual(yield* contacts("u"), [])
    })
  )

  it.effect("is for producers, who can't reach the tables otherwise", () =>
    Effect.gen(function* () {
      const stranger = yield* makeProducer([])
      assert.match(yield* refusal(stranger.sql`SELECT nexus.upsert_contact('u', 'a@x.co')`), /^42501/)
      const { sql } = yield* makeProducer()
      for (const statement of [
        "SELECT FROM nexus.contact",
        "INSERT INTO nexus.contact (user_id, email) VALUES ('u', 'a@x.co')",
        "DELETE FROM nexus.contact_source",
        "SELECT nexus.follow_contacts(1, '{}', true)",
        "SELECT nexus.unfollow_contacts(1, '{}')"
      ]) {
        assert.match(yield* refusal(sql.unsafe(statement)), /^42501/, statement)
      }
    })
  )

  it.effect("looks up nothing in the caller's search path", () =>
    Effect.gen(function* () {
      const { sql, role } = yield* makeProducer()
      const admin = yield* PgClient.PgClient
      yield* sql`CREATE TABLE witness (who text)`
      yield* sql.unsafe(`GRANT USAGE ON SCHEMA ${role} TO PUBLIC`)
      yield* sql`GRANT ALL ON witness TO PUBLIC`
      for (const [signature, result, type] of [
        ["btrim(text)", "'evil@x.co'", "text"],
        ["lower(text)", "'evil'", "text"],
        ["to_jsonb(text[])", "'[]'", "jsonb"],
        ["jsonb_strip_nulls(jsonb)", "'{}'", "jsonb"]
      ]) {
        yield* sql.unsafe(
          `CREATE FUNCTION ${signature} RETURNS ${type} LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO ${role}.witness VALUES (current_user); RETURN ${result}; END $$`
        )
      }
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql.unsafe(`SET LOCAL search_path = ${role}, pg_catalog`)
          yield* sql`SELECT nexus.upsert_contact('u-4', 'a@x.co', tags => '{a}', custom_fields => '{"a": 1}')`
        })
      )
      assert.deepStrictEqual(
        (yield* contacts("u-4")).map(({ email }) => email),
        ["a@x.co"]
      )
      assert.deepStrictEqual(yield* admin.unsafe(`SELECT who FROM ${role}.witness`), [])
    })
  )
})
