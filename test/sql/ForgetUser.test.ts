import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import { TestDatabase } from "../support/Database.ts"

/** A row for each table that knows users, by user. */
const seed = Effect.fnUntraced(function* (user: string) {
  const sql = yield* PgClient.PgClient
  const [integration] = yield* sql<{ id: string }>`
    INSERT INTO nexus.integration (user_id, provider, credentials, settings) VALUES (${user}, 'ACME', 'sealed', '{"autoSync": true}') RETURNING id`
  const [contact] = yield* sql<{ id: string }>`
    INSERT INTO nexus.contact (user_id, email) VALUES (${user}, 'ada@example.com') RETURNING id`
  const [run] = yield* sql<{ id: string }>`
    INSERT INTO nexus.sync_run (integration_id, user_id, provider, trigger) VALUES (${integration?.id ?? ""}::uuid, ${user}, 'ACME', 'manual') RETURNING id`
  yield* sql`
    INSERT INTO nexus.sync_record (integration_id, contact_id, user_id, email, outcome, run_id)
    VALUES (${integration?.id ?? ""}::uuid, ${contact?.id ?? ""}::uuid, ${user}, 'ada@example.com', 'created', ${run?.id ?? ""}::uuid)`
  yield* sql`
    INSERT INTO nexus.sync_reject (run_id, contact_id, user_id, email, reason)
    VALUES (${run?.id ?? ""}::uuid, ${contact?.id ?? ""}::uuid, ${user}, 'ada@example.com', 'no')`
  const [webhook] = yield* sql<{ id: string }>`
    INSERT INTO nexus.webhook_subscription (user_id, url, events, secret) VALUES (${user}, 'https://example.com', '{*}', 'sealed') RETURNING id`
  yield* sql`INSERT INTO nexus.webhook_stat (webhook_id, hour) VALUES (${webhook?.id ?? ""}::uuid, now())`
  yield* sql`INSERT INTO nexus.audit_log (user_id, actor, action, subject) VALUES (${user}, ${user}, 'x', 'y')`
  yield* sql`INSERT INTO nexus.idempotency_key (user_id, key, request_hash) VALUES (${user}, 'k', 'h')`
  yield* sql`INSERT INTO nexus.event_key (user_id, key, event_id, created_at) VALUES (${user}, 'k', nexus.uuid7(), now())`
  yield* sql`
    INSERT INTO nexus.dead_letter (id, user_id, event_type, reason, created_at) VALUES (nexus.uuid7(), ${user}, 'X', 'r', now())`
  yield* sql`
    INSERT INTO nexus.session (user_id, actor, scopes, token_hash, expires_at) VALUES (${user}, ${user}, '', md5(${user}) || md5('x'), now())`
  yield* sql`
    INSERT INTO nexus.oauth_state (user_id, actor, provider, slug, state_hash, browser_hash, redirect_uri)
    VALUES (${user}, ${user}, 'ACME', 'acme', md5(${user}) || md5('x'), md5('b') || md5('x'), 'https://example.com')`
  yield* sql`SELECT nexus.emit(${user}, 'CARD_VIEW', '{}'::text)`
})

/** Rows of a user, by table. */
const rowsOf = Effect.fnUntraced(function* (user: string) {
  const sql = yield* PgClient.PgClient
  const tables = yield* sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.columns
    WHERE table_schema = 'nexus' AND column_name = 'user_id' AND table_name !~ '_[0-9]{8}$' ORDER BY 1`
  const counts = yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql<{ count: number }>`SELECT count(*)::int AS count FROM nexus.${sql.literal(name)} WHERE user_id = ${user}`,
      (rows) => [name, rows[0]?.count ?? 0] as const
    )
  )
  return new Map(counts)
})

layer(TestDatabase.layer, { excludeTestServices: true })("nexus.forget_user", (it) => {
  it.effect("erases a user from every table, and nobody else", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* seed("ann")
      yield* seed("bob")
      const before = yield* rowsOf("ann")
      const bob = yield* rowsOf("bob")
      assert.isAbove(Array.from(before.values()).filter((count) => count > 0).length, 10)

      const [erased] = yield* sql<{ rows: bigint }>`SELECT nexus.forget_user('ann') AS rows`
      assert.isAbove(Number(erased?.rows), 10)
      for (const [table, count] of yield* rowsOf("ann")) assert.strictEqual(count, 0, table)
      assert.deepStrictEqual(yield* rowsOf("bob"), bob)
      const [stats] = yield* sql<{ count: number }>`SELECT count(*)::int AS count FROM nexus.webhook_stat`
      assert.strictEqual(stats?.count, 1)
    })
  )

  it.effect("is not for other applications", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const refused = yield* Effect.flip(
        sql.withTransaction(Effect.andThen(sql`SET LOCAL ROLE nexus_producer`, sql`SELECT nexus.forget_user('bob')`))
      )
      assert.strictEqual(isSqlError(refused) && refused.reason._tag, "AuthorizationError")
    })
  )
})
