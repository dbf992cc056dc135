import { PgClient } from "@effect/sql-pg"
import { Context, Effect, FileSystem, Layer, Redacted } from "effect"
import { clientLayer } from "../../src/database/Database.ts"
import { EmbeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { withDatabase } from "../support/PostgresServer.ts"

/** A database of one contender. */
export interface BenchDatabase {
  readonly name: string
  /** For the contender's own process. */
  readonly url: string
  /** For the benchmark itself: another user, so that its statements aren't counted. */
  readonly producerUrl: string
}

/**
 * A Postgres of the benchmark's own in a temporary directory, as durable as a production server: `fsync` and
 * `synchronous_commit` are on. It counts statements.
 */
export class BenchServer extends Context.Service<
  BenchServer,
  {
    create(name: string): Effect.Effect<BenchDatabase>
    /** Statements that contenders have made in a database so far. */
    statements(database: BenchDatabase): Effect.Effect<number>
    /** Writes dirty pages out, so that no round pays for the one before. */
    readonly settle: Effect.Effect<void>
  }
>()("nexus/bench/BenchServer") {
  static readonly layer = Layer.effect(
    BenchServer,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-bench-" })
      yield* fs.chmod(directory, 0o711)
      const embedded = yield* Layer.build(
        EmbeddedPostgres.layerWith({
          home: `${directory}/home`,
          rootDirectory: `${directory}/root`,
          settings: { shared_preload_libraries: "pg_stat_statements", max_connections: "200", max_wal_size: "4GB" }
        })
      )
      const { url } = Context.get(embedded, EmbeddedPostgres)
      const client = yield* Layer.build(clientLayer(url, 2))
      const sql = Context.get(client, PgClient.PgClient)
      yield* sql`CREATE EXTENSION pg_stat_statements`
      yield* sql`CREATE ROLE producer LOGIN SUPERUSER PASSWORD 'producer'`

      return BenchServer.of({
        create: Effect.fnUntraced(function* (name: string) {
          yield* sql`CREATE DATABASE ${sql(name)}`
          const own = withDatabase(Redacted.value(url), name)
          const producer = new URL(Redacted.value(own))
          producer.username = producer.password = "producer"
          return { name, url: Redacted.value(own), producerUrl: producer.href }
        }, Effect.orDie),
        statements: Effect.fnUntraced(function* ({ name }: BenchDatabase) {
          const rows = yield* sql<{ readonly calls: number }>`
            SELECT coalesce(sum(calls), 0)::int AS calls
            FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
            WHERE datname = ${name} AND userid = 'nexus'::regrole`
          return rows[0]?.calls ?? 0
        }, Effect.orDie),
        settle: sql`CHECKPOINT`.pipe(Effect.asVoid, Effect.orDie)
      })
    })
  )
}
