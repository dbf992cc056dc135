import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Option, type Redacted, String as Text } from "effect"
import { Count } from "../domain/Count.ts"
import { requireVersion, unavailable } from "./DatabaseUnavailable.ts"
import { EmbeddedPostgres } from "./EmbeddedPostgres.ts"

/** Where the database is, when it is not the embedded one: `postgres://user:password@host:port/database?sslmode=…` */
export const databaseUrl = Config.option(Config.Redacted("DATABASE_URL"))

/** How many connections this process opens at most. */
export const poolSize = Config.schema(Count, "DATABASE_POOL_SIZE").pipe(Config.withDefault(10))

/**
 * How this service talks to Postgres: camelCase here, snake_case there, and the keys of JSON values as they are. The
 * keepalive finds out about a peer that vanished without a word, which a connection that only listens never would.
 */
export const clientConfig = (url: Redacted.Redacted, maxConnections = 10) => ({
  url,
  maxConnections,
  applicationName: "nexus",
  connectTimeout: "10 seconds" as const,
  keepAlive: "30 seconds" as const,
  transformQueryNames: Text.camelToSnake,
  transformResultNames: Text.snakeToCamel,
  transformJson: false
})

/** A client of one database, after a look whether it is there and new enough; fails with `DatabaseUnavailable`. */
export const clientLayer = (url: Redacted.Redacted, maxConnections?: number) =>
  PgClient.layerFrom(
    Effect.gen(function* () {
      const sql = yield* PgClient.make(clientConfig(url, maxConnections))
      const rows = yield* sql<{ version: number }>`SELECT current_setting('server_version_num')::int AS version`
      yield* requireVersion(url, rows[0]?.version ?? 0)
      return sql
    }).pipe(Effect.catchTag("SqlError", (error) => unavailable(url, error)))
  )

/**
 * The database that the service is configured for: `DATABASE_URL`, or an embedded server in `NEXUS_HOME`.
 * `DATABASE_POOL_SIZE` (10) is how many connections this process opens at most.
 */
export const DatabaseLayer = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* databaseUrl
    const maxConnections = yield* poolSize
    if (Option.isSome(url)) return clientLayer(url.value, maxConnections)
    return Layer.unwrap(Effect.map(EmbeddedPostgres, (embedded) => clientLayer(embedded.url, maxConnections))).pipe(
      Layer.provide(EmbeddedPostgres.layer)
    )
  })
)
