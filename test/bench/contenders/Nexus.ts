import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule } from "effect"
import { clientLayer } from "../../../src/database/Database.ts"
import { migrate } from "../../../src/database/Migrations.ts"
import { Keyring, parseKeys } from "../../../src/vault/Keyring.ts"
import { Vault } from "../../../src/vault/Vault.ts"
import { subscribe, testKey } from "../../support/Dispatching.ts"
import { BenchServer } from "../BenchServer.ts"
import { startProgram } from "../ChildProgram.ts"
import { type Contender, webhookCount } from "../Contender.ts"

const VaultLayer = Vault.layer.pipe(
  Layer.provide(Layer.effect(Keyring, parseKeys("the benchmark's key", Redacted.make(testKey))))
)

/** This service, with webhook `i` of user `user-i`. */
export interface Nexus extends Contender {
  readonly sql: PgClient.PgClient
  readonly producerUrl: string
  /** Commits one event for a webhook; its index arrives at the sink. */
  emit(webhook: number, index: number): Effect.Effect<void>
}

/** A database with this service's schema, and no process on it. */
export const createMigrated = Effect.fnUntraced(function* (name: string) {
  const database = yield* (yield* BenchServer).create(name)
  yield* Effect.scoped(Effect.provide(migrate, clientLayer(Redacted.make(database.url), 1)))
  return database
})

/** Starts `nexus serve` without its API on a database of its own, with a webhook for each URL. */
export const startNexus = Effect.fnUntraced(function* (database: string, urls: ReadonlyArray<string>) {
  const server = yield* BenchServer
  const { url, producerUrl } = yield* createMigrated(database)
  const context = yield* Layer.build(Layer.merge(clientLayer(Redacted.make(producerUrl), 20), VaultLayer))
  yield* Effect.forEach(urls, (target, index) => subscribe(`user-${index}`, target), { discard: true }).pipe(
    Effect.provide(context)
  )
  const sql = Context.get(context, PgClient.PgClient)
  const program = yield* startProgram("bin/nexus.js", ["serve", "--no-api"], {
    DATABASE_URL: url,
    NEXUS_EGRESS_ALLOW: "127.0.0.0/8",
    NEXUS_ENCRYPTION_KEYS: testKey,
    JWT_SECRET: "a-secret-that-only-the-benchmark-knows-of"
  })
  yield* sql`SELECT FROM nexus.dispatcher WHERE pid = ${program.pid} AND ended_at IS NULL`.pipe(
    Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("50 millis") }),
    Effect.raceFirst(Effect.andThen(program.ended, Effect.die(new Error("nexus serve ended while it was starting"))))
  )
  return {
    name: "nexus",
    sql,
    producerUrl,
    pid: program.pid,
    insert: (events) =>
      sql`
        INSERT INTO nexus.outbox (user_id, event_type, payload)
        SELECT user_id, 'CONTACT_CREATED', payload FROM json_to_recordset(${`[${events
          .map(({ webhook, data }) => `{"user_id":"user-${webhook}","payload":${data}}`)
          .join(",")}]`}::text::json) AS _ (user_id text, payload json)`.pipe(Effect.asVoid, Effect.orDie),
    emit: (webhook, index) =>
      sql`
        INSERT INTO nexus.outbox (user_id, event_type, payload)
        VALUES (${`user-${webhook}`}, 'CONTACT_CREATED', ${`{"index":${index}}`}::text::json)`.pipe(
        Effect.asVoid,
        Effect.orDie
      ),
    drained: sql`SELECT WHERE EXISTS (SELECT FROM nexus.outbox) OR EXISTS (SELECT FROM nexus.delivery)`.pipe(
      Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("20 millis") }),
      Effect.asVoid,
      Effect.orDie
    ),
    statements: server.statements({ name: database, url, producerUrl }),
    tidy: sql`VACUUM (ANALYZE) nexus.outbox, nexus.delivery`.pipe(Effect.asVoid, Effect.orDie)
  } satisfies Nexus
})

/** A webhook at the sink for every one of the throughput section. */
export const webhookUrls = (sink: string) =>
  Array.from({ length: webhookCount }, (_, index) => `${sink}/nexus/${index}`)
