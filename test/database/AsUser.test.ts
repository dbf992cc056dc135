import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { asUser } from "../../src/database/AsUser.ts"
import { makeUserTransactions } from "../../src/database/UserTransactions.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { TestDatabase } from "../support/Database.ts"

const tables = [
  "webhook_subscription",
  "event",
  "delivery",
  "delivery_history",
  "attempt",
  "replay",
  "idempotency_key",
  "audit_log",
  "outbox",
  "webhook_stat",
  "session",
  "oauth_state"
]

const nobody = UserId.make("", { disableChecks: true })

/** A row of each table for a user. */
const seed = Effect.fnUntraced(function* (user: string) {
  const sql = yield* PgClient.PgClient
  const [webhook] = yield* sql<{ id: string }>`
    INSERT INTO nexus.webhook_subscription (user_id, url, events, secret) VALUES (${user}, 'https://example.com', '{*}', 's') RETURNING id`
  const id = webhook?.id
  yield* sql`INSERT INTO nexus.event (id, user_id, type, body, created_at) VALUES (nexus.uuid7(), ${user}, 'CARD_VIEW', '', now())`
  yield* sql`INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, created_at)
    VALUES (nexus.uuid7(), nexus.uuid7(), ${id}::uuid, ${user}, 'CARD_VIEW', 5, now(), now())`
  yield* sql`INSERT INTO nexus.delivery_history (id, delivery_id, event_id, webhook_id, user_id, event_type, state, attempt_count, finished_at, created_at)
    VALUES (nexus.uuid7(), nexus.uuid7(), nexus.uuid7(), ${id}::uuid, ${user}, 'CARD_VIEW', 'FAILED', 1, now(), now())`
  yield* sql`INSERT INTO nexus.attempt (id, delivery_id, user_id, number, dispatcher_id, is_manual, started_at, duration_ms)
    VALUES (nexus.uuid7(), nexus.uuid7(), ${user}, 1, nexus.uuid7(), false, now(), 1)`
  yield* sql`INSERT INTO nexus.replay (webhook_id, user_id, kind, since, until, cursor, total) VALUES (${id}::uuid, ${user}, 'failed', now(), now(), nexus.uuid7(), 0)`
  yield* sql`INSERT INTO nexus.idempotency_key (user_id, key, request_hash) VALUES (${user}, 'k', '')`
  yield* sql`INSERT INTO nexus.audit_log (user_id, actor, action, subject) VALUES (${user}, ${user}, 'x', 'y')`
  yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES (${user}, 'CARD_VIEW', '{}')`
  yield* sql`INSERT INTO nexus.webhook_stat (webhook_id, hour) VALUES (${id}::uuid, now())`
  yield* sql`INSERT INTO nexus.session (user_id, actor, scopes, token_hash, expires_at) VALUES (${user}, ${user}, '', md5(${user}) || md5('x'), now())`
  yield* sql`INSERT INTO nexus.oauth_state (user_id, actor, provider, slug, state_hash, browser_hash, redirect_uri)
    VALUES (${user}, ${user}, 'ACME', 'acme', md5(${user}) || md5('x'), md5('b') || md5('x'), 'https://example.com')`
})

const count = Effect.fnUntraced(function* (table: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ count: number }>`SELECT count(*)::int AS count FROM ${sql(`nexus.${table}`)}`
  return row?.count
})

layer(TestDatabase.layer, { excludeTestServices: true, timeout: "60 seconds" })("AsUser", (it) => {
  it.effect("sees the user's rows and no others, even where a statement forgets to ask", () =>
    Effect.gen(function* () {
      for (const user of ["ann", "bob"]) yield* seed(user)
      for (const table of tables) {
        assert.isAbove((yield* count(table)) ?? 0, 1, table)
        assert.strictEqual(yield* asUser(UserId.make("ann"), count(table)), 1, table)
        assert.strictEqual(yield* asUser(UserId.make("eve"), count(table)), 0, table)
        assert.strictEqual(yield* asUser(nobody, count(table)), 0, table)
      }
    })
  )

  it.effect("writes nothing in another user's name", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* seed("carl")
      const ann = UserId.make("ann")
      for (const statement of [
        sql`INSERT INTO nexus.audit_log (user_id, actor, action, subject) VALUES ('carl', 'ann', 'x', 'y')`,
        sql`INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES ('carl', 'CARD_VIEW', '{}')`,
        sql`UPDATE nexus.webhook_subscription SET user_id = 'carl'`,
        sql`INSERT INTO nexus.session (user_id, actor, scopes, token_hash, expires_at) VALUES ('carl', 'ann', '', ${"1".repeat(64)}, now())`,
        sql`UPDATE nexus.session SET expires_at = now()`,
        sql`UPDATE nexus.oauth_state SET user_id = 'carl'`,
        sql`DELETE FROM nexus.oauth_state`
      ]) {
        assert.strictEqual((yield* Effect.flip(asUser(ann, statement))).reason._tag, "AuthorizationError")
      }
      yield* asUser(ann, sql`UPDATE nexus.webhook_subscription SET description = 'mine'`)
      yield* asUser(ann, sql`DELETE FROM nexus.delivery`)
      const [left] = yield* sql`
        SELECT (SELECT count(*)::int FROM nexus.delivery WHERE user_id = 'carl') AS open,
          (SELECT count(*)::int FROM nexus.webhook_subscription WHERE description = 'mine' AND user_id <> 'ann') AS changed`
      assert.deepStrictEqual(left, { open: 1, changed: 0 })
    })
  )

  it.effect("leaves the connection as it was, after success and after failure", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const role = sql<{ role: string; user: string | null }>`
        SELECT current_user AS role, nullif(current_setting('nexus.user_id', true), '') AS user`
      const [before] = yield* role
      yield* asUser(UserId.make("ann"), role)
      yield* Effect.ignore(asUser(UserId.make("ann"), Effect.fail("no")))
      const after = yield* Effect.all(
        Array.from({ length: 10 }, () => role),
        { concurrency: 10 }
      )
      assert.deepStrictEqual(after.flat(), Array(10).fill({ role: before?.role, user: null }))
    })
  )

  it.effect("begins anew when Postgres ends a transaction for another's sake", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const transaction = yield* makeUserTransactions
      let runs = 0
      const result = yield* transaction(
        UserId.make("ann"),
        Effect.suspend(() =>
          runs++ === 0
            ? sql`DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = 'deadlock_detected'; END $$`
            : sql<{ role: string }>`SELECT current_user AS role`
        )
      )
      assert.deepStrictEqual({ runs, result }, { runs: 2, result: [{ role: "nexus_api" }] })
    })
  )
})
