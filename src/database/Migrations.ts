import { Config, Effect, Layer, Option } from "effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { databaseUrl } from "./Database.ts"
import { MigrationFailed, type MigrationFile, readMigrationFiles, sqlDirectory } from "./MigrationFiles.ts"
import { faultOf } from "./PostgresFault.ts"
import type { SqlStatement } from "./SqlStatements.ts"

/** Where Effect's migrator keeps its record; the checksum beside it is ours. */
const table = "nexus.migration"

interface Recorded {
  readonly migrationId: number
  readonly name: string
  readonly checksum: string | null
}

const label = (id: number, name: string) => `${String(id).padStart(4, "0")}_${name}`

/** The migrator makes its table where there is none, but not the schema that holds it, and not the checksum. */
const ensureTable = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SELECT pg_advisory_xact_lock(hashtext('nexus migrations'))`
      const [found] = yield* sql`SELECT 1 AS found WHERE to_regclass(${table}) IS NOT NULL`
      if (found !== undefined) return
      yield* sql`CREATE SCHEMA IF NOT EXISTS nexus`
      yield* sql`
      CREATE TABLE nexus.migration (
        migration_id integer PRIMARY KEY,
        created_at timestamptz NOT NULL DEFAULT now(),
        name text NOT NULL,
        checksum text
      )`
    })
  )
})

const recorded = Effect.flatMap(
  SqlClient,
  (sql) => sql<Recorded>`SELECT migration_id, name, checksum FROM nexus.migration ORDER BY migration_id`
)

/** Says what is wrong when the database was not migrated by these very files, in this order. */
const disagreement = (files: ReadonlyArray<MigrationFile>, rows: ReadonlyArray<Recorded>): string | undefined => {
  for (const [index, row] of rows.entries()) {
    const file = files[index]
    const was = label(row.migrationId, row.name)
    if (file === undefined) {
      return (
        `The database has the migration ${was}, which this version does not know. ` +
        "Run the version that migrated it, or a newer one."
      )
    }
    if (file.id !== row.migrationId || file.name !== row.name) {
      return (
        `The database was migrated by ${was}.sql, which is ${file.file} now. ` +
        "A migration that ran keeps its number and name; add a new one instead."
      )
    }
    if (row.checksum !== null && row.checksum !== file.checksum) {
      return `${file.file} was edited after it ran on this database. Restore it, and put the change in a new migration.`
    }
  }
  return undefined
}

const failedStatement = (migration: MigrationFile, index: number, statement: SqlStatement, error: SqlError) => {
  const fault = faultOf(error)
  const before = statement.text.slice(0, (fault.position ?? 1) - 1)
  const line = statement.line + before.split("\n").length - 1
  const more = [fault.detail, fault.hint]
    .filter((text) => text !== undefined)
    .map((text) => ` ${text}`)
    .join("")
  return new MigrationFailed({
    message: `${migration.file}:${line} (statement ${index + 1}): ${fault.message}.${more} Nothing was changed.`,
    cause: error
  })
}

const apply = Effect.fn("Migrations.apply")(function* (migration: MigrationFile) {
  const sql = yield* SqlClient
  yield* Effect.forEach(
    migration.statements,
    (statement, index) =>
      sql
        .unsafe(statement.text)
        .unprepared.pipe(Effect.mapError((error) => failedStatement(migration, index, statement, error))),
    { discard: true }
  )
  yield* sql`UPDATE nexus.migration SET checksum = ${migration.checksum} WHERE migration_id = ${migration.id}`
})

/** The migrator calls this inside its transaction, after it has locked the table: what is read here stays true. */
const loader = (files: ReadonlyArray<MigrationFile>) =>
  Effect.gen(function* () {
    const wrong = disagreement(files, yield* recorded)
    if (wrong !== undefined) return yield* new Migrator.MigrationError({ kind: "BadState", message: wrong })
    return files.map((file): Migrator.ResolvedMigration => [file.id, file.name, Effect.succeed(apply(file))])
  }).pipe(Effect.catchTag("SqlError", Effect.die))

const explainFailure = (error: SqlError | Migrator.MigrationError) =>
  error.cause instanceof MigrationFailed
    ? error.cause
    : new MigrationFailed({
        message:
          error._tag === "SqlError" ? `The database can't be migrated: ${faultOf(error).message}` : error.message,
        cause: error
      })

/**
 * Brings the database's schema up to date and returns the names of the migrations that it applied. Either all of
 * them are applied or, on any error, none. Safe in many processes at once: one migrates, the others wait for it.
 */
export const migrateFrom = Effect.fn("Migrations.migrate")(
  function* (directory: string) {
    const files = yield* readMigrationFiles(directory)
    yield* ensureTable
    const applied = yield* Migrator.make({})({ loader: loader(files), table })
    return applied.map(([id, name]) => label(id, name))
  },
  // The migrator lets a migration's failure die.
  Effect.catchDefect((defect) =>
    defect instanceof Migrator.MigrationError ? Effect.fail(defect) : Effect.die(defect)
  ),
  Effect.catchTags({ SqlError: explainFailure, MigrationError: explainFailure })
)

/** {@link migrateFrom} this package's own `sql/`. */
export const migrate = Effect.flatMap(sqlDirectory, migrateFrom)

/** The names of this package's migrations that the database lacks, in order. Changes nothing. */
export const pendingMigrations = Effect.gen(function* () {
  const sql = yield* SqlClient
  const files = yield* Effect.flatMap(sqlDirectory, readMigrationFiles)
  const [found] = yield* sql`SELECT 1 AS found WHERE to_regclass(${table}) IS NOT NULL`
  const done = found === undefined ? 0 : (yield* recorded).length
  return files.slice(done).map(({ id, name }) => label(id, name))
})

/** Whether the service migrates at start: `NEXUS_MIGRATE`, by default in development (no `DATABASE_URL`). */
export const migratesAtStart = Effect.gen(function* () {
  const configured = yield* Config.option(Config.Boolean("NEXUS_MIGRATE"))
  return Option.isSome(configured) ? configured.value : Option.isNone(yield* databaseUrl)
})

/** Migrates while the application starts, where configured. */
export const MigrationsLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    if (!(yield* migratesAtStart)) return
    const applied = yield* migrate
    if (applied.length > 0) yield* Effect.logInfo(`Migrated the database: ${applied.join(", ")}`)
  })
)
