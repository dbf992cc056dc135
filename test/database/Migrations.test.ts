import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, FileSystem, Layer, Path, Redacted } from "effect"
import { asUser } from "../../src/database/AsUser.ts"
import { clientLayer } from "../../src/database/Database.ts"
import { migrate, migrateFrom, pendingMigrations } from "../../src/database/Migrations.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { TestDatabase } from "../support/Database.ts"

/** A directory like `sql/`, with these files. */
const directoryOf = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* Effect.forEach(Object.entries(files), ([name, text]) => fs.writeFileString(path.join(directory, name), text))
  return directory
})

const migrateFiles = (files: Readonly<Record<string, string>>) => Effect.flatMap(directoryOf(files), migrateFrom)

/** Runs a test on an empty database of its own. */
const onEmptyDatabase = Effect.provide(Layer.merge(TestDatabase.layerEmpty, NodeServices.layer))

const first = {
  "0001_books.sql": "-- Books; and a function.\nCREATE TABLE book (id int);\n\nINSERT INTO book VALUES (1);",
  "0002_shelf.sql": "CREATE FUNCTION shelf() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;"
}

const messageOf = (files: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(migrateFiles(files)), (error) => error.message)

describe("migrateFrom", () => {
  it.live("applies what is missing, in order, once, and names it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* migrateFiles(first), ["0001_books", "0002_shelf"])
      assert.deepStrictEqual(yield* migrateFiles(first), [])
      const next = { ...first, "0003_more.sql": "INSERT INTO book SELECT shelf() + 1" }
      assert.deepStrictEqual(yield* migrateFiles(next), ["0003_more"])
      assert.deepStrictEqual(yield* sql`SELECT id FROM book ORDER BY id`, [{ id: 1 }, { id: 2 }])
    }).pipe(onEmptyDatabase)
  )

  it.live("lets eight processes start at once: each migration runs once, all succeed", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase
      const sql = yield* PgClient.PgClient
      const directory = yield* directoryOf(first)
      const clients = yield* Effect.forEach(Arr.range(1, 8), () => Layer.build(Layer.fresh(clientLayer(url, 2))))
      const applied = yield* Effect.forEach(clients, (client) => Effect.provide(migrateFrom(directory), client), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(applied.flat(), ["0001_books", "0002_shelf"])
      assert.deepStrictEqual(yield* sql`SELECT id FROM book`, [{ id: 1 }])
    }).pipe(onEmptyDatabase)
  )

  it.live("names file, line, statement and Postgres' reason of a failure, and changes nothing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const broken = { ...first, "0003_bad.sql": "SELECT 1;\n\n-- why\nSELECT\n  no_such_column\nFROM book;" }
      assert.strictEqual(
        yield* messageOf(broken),
        '0003_bad.sql:5 (statement 2): column "no_such_column" does not exist. Nothing was changed.'
      )
      assert.deepStrictEqual(yield* sql`SELECT to_regclass('book')::text AS book`, [{ book: null }])
      assert.lengthOf(yield* migrateFiles(first), 2)
    }).pipe(onEmptyDatabase)
  )

  it.live("refuses a migration that was edited after it ran, but not its line ends", () =>
    Effect.gen(function* () {
      yield* migrateFiles(first)
      const crlf = { ...first, "0001_books.sql": first["0001_books.sql"].replaceAll("\n", "\r\n") }
      assert.deepStrictEqual(yield* migrateFiles(crlf), [])
      const edited = { ...first, "0001_books.sql": `${first["0001_books.sql"]}\nSELECT 1;` }
      assert.match(yield* messageOf(edited), /^0001_books\.sql was edited after it ran/)
    }).pipe(onEmptyDatabase)
  )

  it.live("refuses a migration that was renamed after it ran", () =>
    Effect.gen(function* () {
      yield* migrateFiles(first)
      const renamed = { "0001_tomes.sql": first["0001_books.sql"], "0002_shelf.sql": first["0002_shelf.sql"] }
      assert.match(yield* messageOf(renamed), /migrated by 0001_books\.sql, which is 0001_tomes\.sql now/)
    }).pipe(onEmptyDatabase)
  )

  it.live("refuses a database that a newer version migrated", () =>
    Effect.gen(function* () {
      yield* migrateFiles(first)
      const older = { "0001_books.sql": first["0001_books.sql"] }
      assert.match(yield* messageOf(older), /has the migration 0002_shelf, which this version does not know/)
    }).pipe(onEmptyDatabase)
  )

  const wrongFiles: ReadonlyArray<readonly [name: string, files: Record<string, string>, message: RegExp]> = [
    ["a gap", { "0001_a.sql": "", "0003_c.sql": "" }, /^0002_….sql is missing: 0003_c\.sql comes after 0001_a\.sql/],
    ["a double number", { "0001_a.sql": "", "0001_b.sql": "" }, /^0001_a\.sql and 0001_b\.sql have the same number/],
    ["an odd name", { "1-a.sql": "" }, /^1-a\.sql is no migration's name/],
    ["an open quote", { "0001_a.sql": "SELECT 1;\nSELECT 'x" }, /^0001_a\.sql:2: what begins with 'x is never closed/]
  ]
  for (const [name, files, message] of wrongFiles) {
    it.live(`refuses ${name} before it touches the database`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        assert.match(yield* messageOf(files), message)
        assert.deepStrictEqual(yield* sql`SELECT to_regnamespace('nexus')::text AS schema`, [{ schema: null }])
      }).pipe(onEmptyDatabase)
    )
  }
})

describe("this package's migrations", () => {
  it.live("are all pending on an empty database", () =>
    Effect.gen(function* () {
      assert.include(yield* pendingMigrations, "0001_schema")
    }).pipe(onEmptyDatabase)
  )

  it.live("are all applied on a test's database", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pendingMigrations, [])
    }).pipe(Effect.provide(Layer.merge(TestDatabase.layer, NodeServices.layer)))
  )

  it.live("let their owner act as the roles that it created, without being superuser", () =>
    Effect.gen(function* () {
      const { url, name } = yield* TestDatabase
      const sql = yield* PgClient.PgClient
      const [server] = yield* sql<{ readonly version: number }>`
        SELECT current_setting('server_version_num')::int AS version`
      const owner = `${name}_owner`
      // The roles are there already, so this is what having created them gives: no more than the right to grant them.
      const asCreated = (server?.version ?? 0) >= 160_000 ? "ADMIN TRUE, INHERIT FALSE, SET FALSE" : "ADMIN OPTION"
      yield* Effect.acquireRelease(sql`CREATE ROLE ${sql(owner)} LOGIN PASSWORD 'owner' CREATEROLE`, () =>
        Effect.orDie(
          Effect.andThen(
            sql`ALTER DATABASE ${sql(name)} OWNER TO CURRENT_USER`,
            Effect.andThen(sql`DROP OWNED BY ${sql(owner)} CASCADE`, sql`DROP ROLE ${sql(owner)}`)
          )
        )
      )
      yield* sql`GRANT nexus_producer, nexus_api TO ${sql(owner)} WITH ${sql.literal(asCreated)}`
      yield* sql`ALTER DATABASE ${sql(name)} OWNER TO ${sql(owner)}`
      const asOwner = new URL(Redacted.value(url))
      asOwner.username = owner
      asOwner.password = "owner"
      const user = UserId.make("user-123")
      const seen = migrate.pipe(
        Effect.andThen(
          asUser(
            user,
            PgClient.PgClient.use((client) => client`SELECT id FROM nexus.event`)
          )
        ),
        Effect.provide(clientLayer(Redacted.make(asOwner.href), 1))
      )
      assert.deepStrictEqual(yield* seen, [])
    }).pipe(Effect.scoped, onEmptyDatabase)
  )
})
