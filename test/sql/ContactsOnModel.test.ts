import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import fc from "fast-check"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, takeDeadLetters } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

const id = fc.integer({ min: 1, max: 8 })
const user = fc.constantFrom("u", "v")
const mail = fc.constantFrom("a@x.co", "A@x.co", "b@x.co", "c@x.co", "d@x.co")
const name = fc.constantFrom("One", "Two", "Three")
const literal = (text: string) => `'${text}'`
const range = fc.tuple(id, id).map(([a, b]) => `id BETWEEN ${Math.min(a, b)} AND ${Math.max(a, b)}`)
const row = fc
  .tuple(id, user, mail, name)
  .map(([id, user, mail, name]) => ({ id, text: `(${id}, '${user}', '${mail}', '${name}')` }))

/** Statements that make rows collide, swap, merge and part. */
const statement = fc.oneof(
  fc
    .uniqueArray(row, { minLength: 1, maxLength: 5, selector: ({ id }) => id })
    .map((rows) => `INSERT INTO people VALUES ${rows.map(({ text }) => text).join(", ")} ON CONFLICT (id) DO NOTHING`),
  fc.uniqueArray(row, { minLength: 1, maxLength: 5, selector: ({ id }) => id }).map(
    (rows) =>
      `INSERT INTO people VALUES ${rows.map(({ text }) => text).join(", ")}
         ON CONFLICT (id) DO UPDATE SET mail = excluded.mail, given = excluded.given`
  ),
  fc.tuple(mail, range).map(([mail, where]) => `UPDATE people SET mail = ${literal(mail)} WHERE ${where}`),
  fc.tuple(user, range).map(([user, where]) => `UPDATE people SET owner_id = ${literal(user)} WHERE ${where}`),
  fc.tuple(name, range).map(([name, where]) => `UPDATE people SET given = ${literal(name)} WHERE ${where}`),
  range.map((where) => `UPDATE people SET mail = translate(mail, 'abcd', 'bcda') WHERE ${where}`),
  range.map((where) => `UPDATE people SET id = 20 - id WHERE ${where}`),
  range.map((where) => `DELETE FROM people WHERE ${where}`),
  fc.constant("TRUNCATE people")
)

layer(Test, { excludeTestServices: true, timeout: "120 seconds" })("Contacts that follow a table", (it) => {
  it.effect("are its rows, after any statements", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql } = yield* makeProducer()
      yield* sql`CREATE TABLE people (id int PRIMARY KEY, owner_id text, mail text, given text)`
      yield* sql`SELECT nexus.contacts_on('people', 'owner_id', '{"email": "mail", "first_name": "given"}')`
      for (const statements of fc.sample(fc.array(statement, { minLength: 5, maxLength: 25 }), {
        numRuns: 60,
        seed: 3
      })) {
        yield* sql`TRUNCATE people`
        const done: Array<string> = []
        // The last one writes every row, so that each contact is then what one of its rows says.
        for (const text of [...statements, "UPDATE people SET given = given || '!'"]) {
          yield* sql.unsafe(text).pipe(Effect.catchTag("SqlError", () => Effect.void))
          done.push(text)
          const rows = yield* sql<{ who: string; names: ReadonlyArray<string> }>`
              SELECT owner_id || ' ' || lower(mail) AS who, array_agg(given) AS names FROM people GROUP BY 1 ORDER BY 1`
          const contacts = yield* admin<{ who: string; name: string }>`
              SELECT user_id || ' ' || lower(email) AS who, first_name AS name FROM nexus.contact ORDER BY 1`
          assert.deepStrictEqual(
            contacts.map(({ who }) => who),
            rows.map(({ who }) => who),
            done.join(";\n")
          )
          for (const [index, { names }] of text.endsWith("'!'") ? rows.entries() : []) {
            assert.include(names, contacts[index]?.name ?? "", done.join(";\n"))
          }
        }
      }
      assert.deepStrictEqual(yield* takeDeadLetters, [])
    })
  )
})
