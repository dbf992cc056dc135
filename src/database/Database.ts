import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Option, type Redacted, String as Text } from "effect"
import { DatabaseUnavailable, explain, oldestMajor } from "./DatabaseUnavailable.ts"
import { EmbeddedPostgres } from "./EmbeddedPostgres.ts"

/** Where the database is, when it is not the embedded one. */
export const databaseUrl = Config.option(Config.Redacted("DATABASE_URL"))

/** How this service talks to Postgres: camelCase here, snake_case there, and the keys of JSON values as they are. */
export const clientConfig = (url: Redacted.Redacted, maxConnections = 10) => ({
  url,
  maxConnections,
  applicationName: "nexus",
  connectTimeout: "10 seconds" as const,
  transformQueryNames: Text.camelToSnake,
  transformResultNames: Text.snakeToCamel,
  transformJson: false
})

/** A client of one database, after a look whether it is there and new enough. */
export const clientLayer = (url: Redacted.Redacted, maxConnections?: number) =>
  PgClient.layerFrom(
    Effect.gen(function* () {
      const sql = yield* PgClient.make(clientConfig(url, maxConnections))
      const [row] = yield* sql<{ version: string; number: number }>`
      SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number`
      if (row === undefined || row.number < oldestMajor * 10_000) {
        return yield* new DatabaseUnavailable({
          message:
            `${explain.target(url)} runs Postgres ${row?.version}; this service needs ${oldestMajor} or newer. ` +
            "Upgrade that server, or point DATABASE_URL at a newer one."
        })
      }
      return sql
    }).pipe(
      Effect.catchTag(
        "SqlError",
        (error) => new DatabaseUnavailable({ message: explain.error(url, error), cause: error })
      )
    )
  )

/** The database that the service is configured for: `DATABASE_URL`, or an embedded server in `NEXUS_HOME`. */
export const DatabaseLayer = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* databaseUrl
    const maxConnections = yield* Config.Int("DATABASE_POOL_SIZE").pipe(Config.withDefault(10))
    if (Option.isSome(url)) return clientLayer(url.value, maxConnections)
    const embedded = yield* EmbeddedPostgres
    return clientLayer(embedded.url, maxConnections)
  })
)
