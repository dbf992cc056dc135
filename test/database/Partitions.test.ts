import { PgClient, PgConnection } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { tendPartitions } from "../../src/database/Partitions.ts"
import { PartitionsRepo } from "../../src/database/PartitionsRepo.ts"
import { DeliveryRepo } from "../../src/webhooks/DeliveryRepo.ts"
import { TestDatabase } from "../support/Database.ts"

const TestLayer = Layer.mergeAll(PartitionsRepo.layer, DeliveryRepo.layer).pipe(
  Layer.provideMerge(TestDatabase.layer),
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NEXUS_RETENTION: "10" })))
)

const parents = ["attempt", "delivery_history", "event"]

/** The days of a table's partitions, counted from today. */
const days = Effect.fnUntraced(function* (parent: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ day: number }>`
    SELECT to_date(right(relname, 8), 'YYYYMMDD') - (now() AT TIME ZONE 'UTC')::date AS day
    FROM pg_class WHERE relnamespace = 'nexus'::regnamespace AND relkind = 'r' AND relname ~ ('^' || ${parent} || '_[0-9]{8}$')
    ORDER BY relname`
  return rows.map(({ day }) => day)
})

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Partitions", (it) => {
  it.effect("adds from the day of the oldest row of the outbox, as far as that is kept, to a week ahead", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const partitions = yield* PartitionsRepo
      const outbox = (ago: number) => sql`
        INSERT INTO nexus.outbox (id, user_id, event_type, payload)
        VALUES (nexus.uuid7_floor(now() - ${ago} * interval '1 day'), 'u', 'CARD_VIEW', '{}')`
      yield* outbox(3)
      yield* partitions.add
      for (const parent of parents) assert.deepStrictEqual(yield* days(parent), range(-3, 7))
      yield* outbox(400)
      yield* partitions.add
      for (const parent of parents) assert.deepStrictEqual(yield* days(parent), range(-10, 7))
      assert.strictEqual(yield* partitions.add, 0)
      yield* sql`DELETE FROM nexus.outbox`
    })
  )

  it.effect("expires what is held for too long, and drops partitions whose every row is too old", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`SELECT nexus.add_partitions(now() - interval '14 days')`
      const [webhook] = yield* sql<{ id: string }>`
        INSERT INTO nexus.webhook_subscription (user_id, url, events, secret) VALUES ('u', 'https://example.com', '{*}', 's') RETURNING id`
      for (const ago of [13, 11.5, 9, 0]) {
        yield* sql`
          WITH event AS (
            INSERT INTO nexus.event (id, user_id, type, body, created_at)
            VALUES (nexus.uuid7_floor(now() - ${ago} * interval '1 day'), 'u', 'CARD_VIEW', '{}', now()) RETURNING id
          )
          INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, created_at)
          SELECT nexus.delivery_id(id, id), id, ${webhook?.id}::uuid, 'u', 'CARD_VIEW', 5, now(), now() FROM event`
      }
      yield* tendPartitions
      for (const parent of parents) assert.deepStrictEqual(yield* days(parent), range(-10, 7))
      const [left] =
        yield* sql`SELECT (SELECT count(*)::int FROM nexus.event) AS events, (SELECT count(*)::int FROM nexus.delivery) AS open`
      assert.deepStrictEqual(left, { events: 2, open: 2 })
      const expired = yield* sql`SELECT state, error FROM nexus.delivery_history`
      assert.deepStrictEqual(expired, Array(2).fill({ state: "EXPIRED", error: "Held longer than events are kept." }))
    })
  )

  it.effect("deletes open deliveries whose webhook is gone, which nobody would ever claim", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [webhook] = yield* sql<{ id: string }>`
        INSERT INTO nexus.webhook_subscription (user_id, url, events, secret) VALUES ('s', 'https://example.com', '{*}', 's') RETURNING id`
      yield* sql`
        INSERT INTO nexus.delivery (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, created_at)
        SELECT nexus.uuid7(), nexus.uuid7(), webhook_id, 's', 'CARD_VIEW', 5, now(), now()
        FROM unnest(ARRAY[nexus.uuid7(), ${webhook?.id}::uuid]) AS webhook_id`
      yield* tendPartitions
      const left = yield* sql<{ webhookId: string }>`SELECT webhook_id FROM nexus.delivery WHERE user_id = 's'`
      assert.deepStrictEqual(left, [{ webhookId: webhook?.id ?? "" }])
    })
  )

  it.effect("finishes what an interrupted run left half detached, or detached and not dropped", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const partitions = yield* PartitionsRepo
      yield* sql`SELECT nexus.add_partitions(now() - interval '13 days')`
      const partition = (ago: number) => sql<{ name: string }>`
        SELECT 'nexus.event_' || to_char(now() AT TIME ZONE 'UTC' - ${ago} * interval '1 day', 'YYYYMMDD') AS name`
      const [[half], [whole]] = yield* Effect.all([partition(13), partition(12)])
      yield* sql`ALTER TABLE nexus.event DETACH PARTITION ${sql(whole?.name ?? "")}`
      const other = yield* PgConnection.make(sql.config)
      yield* other.query("BEGIN")
      yield* other.query("SELECT count(*) FROM nexus.event")
      const error = yield* Effect.flip(partitions.drop)
      assert.strictEqual(error.reason._tag, "LockTimeoutError")
      const [state] = yield* sql`SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(${half?.name})`
      assert.deepStrictEqual(state, { inhdetachpending: true })
      yield* other.query("COMMIT")

      assert.strictEqual((yield* partitions.drop).length, 3)
      for (const parent of parents) assert.deepStrictEqual(yield* days(parent), range(-10, 7))
    })
  )

  it.effect("leaves dropping to the process that is at it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const partitions = yield* PartitionsRepo
      yield* sql`SELECT nexus.add_partitions(now() - interval '12 days')`
      const other = yield* PgConnection.make(sql.config)
      yield* other.query("SELECT pg_advisory_lock(hashtext('nexus partitions'))")
      assert.deepStrictEqual(yield* partitions.drop, [])
      yield* other.query("SELECT pg_advisory_unlock(hashtext('nexus partitions'))")
      const dropped = yield* Effect.all([partitions.drop, partitions.drop], { concurrency: 2 })
      assert.strictEqual(new Set(dropped.flat()).size, 6)
    })
  )

  it.effect("prunes what has served its time and keeps the rest", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const partitions = yield* PartitionsRepo
      yield* sql`INSERT INTO nexus.event_key SELECT 'u', i::text, nexus.uuid7(), now() - i * interval '11 hours' FROM generate_series(1, 3) AS i`
      yield* sql`INSERT INTO nexus.idempotency_key SELECT 'u', i::text, '', 200, '', now() - i * interval '11 hours' FROM generate_series(1, 3) AS i`
      yield* sql`INSERT INTO nexus.dispatcher SELECT nexus.uuid7(), 'h', 1, now(), now(), now() - i * interval '14 days' FROM generate_series(1, 3) AS i`
      yield* sql`INSERT INTO nexus.dispatcher (id, host, pid, heartbeat_at) VALUES (nexus.uuid7(), 'h', 1, now() - interval '60 days')`
      yield* sql`INSERT INTO nexus.webhook_stat (webhook_id, hour) SELECT nexus.uuid7(), now() - i * interval '40 days' FROM generate_series(1, 3) AS i`
      yield* sql`INSERT INTO nexus.audit_log (id, user_id, actor, action, subject)
        SELECT nexus.uuid7_floor(now() - i * interval '190 days'), 'u', 'u', 'x', 'y' FROM generate_series(1, 3) AS i`
      assert.strictEqual(yield* partitions.prune, 5)
      assert.strictEqual(yield* partitions.prune, 0)
      const [left] = yield* sql`
        SELECT (SELECT count(*)::int FROM nexus.event_key) AS keys, (SELECT count(*)::int FROM nexus.idempotency_key) AS answers,
          (SELECT count(*)::int FROM nexus.dispatcher) AS dispatchers, (SELECT count(*)::int FROM nexus.webhook_stat) AS stats,
          (SELECT count(*)::int FROM nexus.audit_log) AS audited`
      assert.deepStrictEqual(left, { keys: 2, answers: 2, dispatchers: 3, stats: 2, audited: 2 })
    })
  )
})
