import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { clientLayer } from "../../src/database/Database.ts"
import { makeUserTransactions } from "../../src/database/UserTransactions.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { TestDatabase } from "../support/Database.ts"
import { refusal } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus.contact", (it) => {
  it.effect("marks changes by their transaction, so that one that commits late is found, too", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { url } = yield* TestDatabase
      const other = Context.get(yield* Layer.build(clientLayer(url, 2)), PgClient.PgClient)
      const snapshot = Effect.map(
        sql<{ snapshot: string }>`SELECT pg_current_snapshot()::text AS snapshot`,
        (rows) => rows[0]?.snapshot ?? ""
      )
      const since = (snapshot: string) =>
        Effect.map(
          sql<{ email: string }>`
            SELECT email FROM nexus.contact
            WHERE user_id = 'u' AND NOT pg_visible_in_snapshot(changed_in, ${snapshot}::pg_snapshot) ORDER BY email`,
          (rows) => rows.map(({ email }) => email)
        )
      yield* sql`INSERT INTO nexus.contact (user_id, email) VALUES ('u', 'a@x.co'), ('u', 'b@x.co')`
      const between = yield* other.withTransaction(
        Effect.gen(function* () {
          yield* other`INSERT INTO nexus.contact (user_id, email) VALUES ('u', 'late@x.co')`
          yield* sql`UPDATE nexus.contact SET first_name = 'B' WHERE email = 'b@x.co'`
          return yield* snapshot
        })
      )
      assert.deepStrictEqual(yield* since(between), ["late@x.co"])
      const after = yield* snapshot
      assert.deepStrictEqual(yield* since(after), [])
      yield* sql`UPDATE nexus.contact SET first_name = 'B', email = 'b@x.co' WHERE email = 'b@x.co'`
      assert.deepStrictEqual(yield* since(after), [])
      yield* sql`UPDATE nexus.contact SET first_name = 'BB' WHERE email = 'b@x.co'`
      assert.deepStrictEqual(yield* since(after), ["b@x.co"])
    }).pipe(Effect.scoped)
  )

  it.effect("has an address once for a user, in any case, in every locale", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO nexus.contact (user_id, email) VALUES ('i', 'INFO@x.co'), ('j', 'info@x.co')`
      assert.match(
        yield* refusal(sql`INSERT INTO nexus.contact (user_id, email) VALUES ('i', 'info@X.co')`),
        /^23505.*contact_email/
      )
      const [collation] = yield* sql`
        SELECT collname FROM pg_attribute JOIN pg_collation AS c ON c.oid = attcollation
        WHERE attrelid = 'nexus.contact'::regclass AND attname = 'email'`
      assert.deepStrictEqual(collation, { collname: "C" })
    })
  )

  it.effect("shows the API's role the contacts of its user alone", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO nexus.contact (user_id, email) VALUES ('mine', 'm@x.co'), ('theirs', 't@x.co')`
      const mine = UserId.make("mine")
      const asUser = yield* makeUserTransactions
      assert.deepStrictEqual(yield* asUser(mine, sql`SELECT user_id FROM nexus.contact`), [{ userId: "mine" }])
      assert.deepStrictEqual(yield* asUser(mine, sql`DELETE FROM nexus.contact RETURNING user_id`), [
        { userId: "mine" }
      ])
      assert.match(
        yield* refusal(asUser(mine, sql`INSERT INTO nexus.contact (user_id, email) VALUES ('theirs', 'x@x.co')`)),
        /row-level security/
      )
      assert.match(yield* refusal(asUser(mine, sql`SELECT FROM nexus.contact_source`)), /^42501/)
    })
  )
})
