import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue, Redacted } from "effect"
import { clientLayer } from "../../src/database/Database.ts"
import { TestDatabase } from "../support/Database.ts"

/** What this service relies on in `@effect/sql-pg` and its own settings: the tripwire for every version bump. */
layer(TestDatabase.layerEmpty, { excludeTestServices: true })("Driver", (it) => {
  it.effect("delivers a NOTIFY on commit, and none of a rolled back transaction", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const notifications = yield* sql.listen("driver")
      const notify = (payload: string) => sql`SELECT pg_notify('driver', ${payload})`
      yield* sql.withTransaction(Effect.andThen(notify("rolled back"), Effect.fail("no"))).pipe(Effect.flip)
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* notify("committed")
          // Another session's notification overtakes the one that is not committed yet.
          yield* Effect.forkDetach(sql.notify("driver", "other session")).pipe(Effect.flatMap(Fiber.join))
          assert.strictEqual((yield* Queue.take(notifications)).payload, "other session")
        })
      )
      assert.strictEqual((yield* Queue.take(notifications)).payload, "committed")
    })
  )

  it.effect("fails the listener's queue when its connection dies", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const notifications = yield* sql.listen("lost")
      yield* sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query ILIKE 'LISTEN%lost%'`
      assert.strictEqual((yield* Effect.flip(Queue.take(notifications)))._tag, "SqlError")
    })
  )

  it.effect("cancels an interrupted statement and gives its connection back", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase
      const watcher = yield* PgClient.PgClient
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const [backend] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`
        const sleeping = yield* Effect.forkChild(sql`SELECT pg_sleep(3600)`)
        const state = watcher<{ query: string }>`
          SELECT query FROM pg_stat_activity WHERE pid = ${backend?.pid ?? 0} AND state = 'active'`
        yield* state.pipe(Effect.repeat({ until: (rows) => rows.length === 1 }))
        yield* Fiber.interrupt(sleeping)
        const rows = yield* sql`SELECT 1 AS one`
        assert.deepStrictEqual(rows, [{ one: 1 }])
        assert.deepStrictEqual(yield* state, [])
      }).pipe(Effect.provide(clientLayer(url, 1)))
    })
  )

  it.effect("skips rows that another transaction has locked", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE job (id int PRIMARY KEY)`
      yield* sql`INSERT INTO job VALUES (1), (2)`
      const claim = sql<{ id: number }>`SELECT id FROM job ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1`
      const claimed = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        sql.withTransaction(
          Effect.tap(claim, () => Effect.andThen(Deferred.succeed(claimed, undefined), Deferred.await(release)))
        )
      )
      yield* Deferred.await(claimed)
      const second = yield* claim
      yield* Deferred.succeed(release, undefined)
      assert.deepStrictEqual(yield* Fiber.join(first), [{ id: 1 }])
      assert.deepStrictEqual(second, [{ id: 2 }])
    })
  )

  it.effect("decodes int8 as bigint, timestamptz as Date, numeric as string and bytea as bytes", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`
        SELECT 9007199254740993::int8 AS big, '2026-01-02T03:04:05.678Z'::timestamptz AS at, 1.10::numeric AS exact,
               '\\x00ff'::bytea AS bytes, ARRAY['a', NULL] AS list, NULL AS nothing`
      assert.deepStrictEqual(rows, [
        {
          big: 9007199254740993n,
          at: new Date("2026-01-02T03:04:05.678Z"),
          exact: "1.10",
          bytes: new Uint8Array([0, 255]),
          list: ["a", null],
          nothing: null
        }
      ])
    })
  )

  it.effect("keeps the text of json as it was written, and the keys of a JSON value as they are", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE document (body json, data jsonb)`
      const text = '{"b_key": 1.10,  "aKey": 1e2, "nul": "\\u0000"}'
      const value = { snake_key: [1, { innerKey: null }], camelKey: "ü" }
      yield* sql`INSERT INTO document (body, data) VALUES (${text}::json, ${sql.json(value)})`
      const rows = yield* sql`SELECT body::text AS body_text, data FROM document`
      assert.deepStrictEqual(rows, [{ bodyText: text, data: value }])
    })
  )

  it.effect("spells columns in snake_case there and in camelCase here", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE spelling (user_id text)`
      const rows = yield* sql`INSERT INTO spelling ${sql.insert({ userId: "u1" })} RETURNING user_id`
      assert.deepStrictEqual(rows, [{ userId: "u1" }])
    })
  )

  it.effect("never prints the password of its address", () =>
    Effect.gen(function* () {
      const { config } = yield* PgClient.PgClient
      const { url } = yield* TestDatabase
      assert.notInclude(String(config.url) + JSON.stringify(config), new URL(Redacted.value(url)).password)
    })
  )

  it.effect("takes one statement for each call", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const error = yield* Effect.flip(sql.unsafe("SELECT 1; SELECT 2"))
      assert.strictEqual(error.reason._tag, "SqlSyntaxError")
    })
  )
})
