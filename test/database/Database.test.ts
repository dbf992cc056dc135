import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Logger, Redacted } from "effect"
import { clientLayer, DatabaseLayer } from "../../src/database/Database.ts"
import { requireVersion } from "../../src/database/DatabaseUnavailable.ts"
import { TestDatabase } from "../support/Database.ts"
import { refusingServer } from "../support/RefusingServer.ts"

const url = Redacted.make("postgres://ann:s3cr3t@127.0.0.1:5432/shop")

const messageOf = (address: string) =>
  Layer.build(clientLayer(Redacted.make(address))).pipe(
    Effect.flip,
    Effect.map((error) => error.message)
  )

describe("clientLayer", () => {
  const refusals: ReadonlyArray<readonly [code: string, message: RegExp]> = [
    ["28P01", /refused the user name or password\. Check them in DATABASE_URL/],
    ["28000", /refused this user \(pg_hba\.conf\)/],
    ["53300", /has no connection left\. Lower DATABASE_POOL_SIZE/],
    ["57P03", /is starting up, shutting down or recovering\. Try again/],
    ["XX000", /can't be used: no\. Check DATABASE_URL/]
  ]
  for (const [code, message] of refusals) {
    it.live(`explains a refusal with ${code}`, () =>
      Effect.gen(function* () {
        const port = yield* refusingServer(code)
        const text = yield* messageOf(`postgres://ann:s3cr3t@127.0.0.1:${port}/shop`)
        assert.isTrue(text.startsWith(`The database shop at ann@127.0.0.1:${port} `), text)
        assert.match(text, message)
        assert.notInclude(text, "s3cr3t")
      })
    )
  }

  it.live("explains that nothing listens there", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(refusingServer("XX000"))
      assert.match(yield* messageOf(`postgres://ann@127.0.0.1:${port}/shop`), /can't be reached: nothing listens there/)
    })
  )

  it.live("explains that the database does not exist", () =>
    Effect.gen(function* () {
      const database = new URL(Redacted.value((yield* TestDatabase).url))
      database.pathname = "/no_such_database"
      assert.match(yield* messageOf(database.href), /^The database no_such_database at .* does not exist\. Create it/)
    }).pipe(Effect.provide(TestDatabase.layerEmpty))
  )

  const notAddresses = [
    "ann:s3cr3t@somewhere/shop",
    "s3cr3t",
    "postgres://ann:12/s3cr3t@somewhere/shop",
    "postgres://ann:12?s3cr3t@somewhere/shop",
    "postgres://ann:12#s3cr3t@somewhere/shop"
  ]
  for (const address of notAddresses) {
    it.effect(`prints nothing of what may hold a password: ${address}`, () =>
      Effect.gen(function* () {
        const { message } = yield* Effect.flip(requireVersion(Redacted.make(address), 1))
        assert.isTrue(message.startsWith("The database of DATABASE_URL (postgres://user:password@host"), message)
        assert.notInclude(message, "s3cr3t")
      })
    )
  }

  it.live("explains an address that is none", () =>
    Effect.gen(function* () {
      assert.match(yield* messageOf("ann:s3cr3t@somewhere"), /can't be used: Unsupported .* Check DATABASE_URL\.$/)
    })
  )

  it.effect("wants Postgres 15", () =>
    Effect.gen(function* () {
      yield* requireVersion(url, 150000)
      const { message } = yield* Effect.flip(requireVersion(url, 140011))
      assert.match(
        message,
        /^The database shop at ann@127\.0\.0\.1:5432 runs Postgres 14\.11; this service needs 15 or/
      )
    })
  )
})

describe("DatabaseLayer", () => {
  const withConfig = (config: Readonly<Record<string, string>>) =>
    Layer.provide(DatabaseLayer, ConfigProvider.layer(ConfigProvider.fromUnknown(config)))
  const database = Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const rows = yield* sql`SELECT current_database()::text AS name, current_setting('application_name') AS app`
    return rows
  })

  it.live("is the database of DATABASE_URL, and makes nothing in NEXUS_HOME then", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { name, url } = yield* TestDatabase
      const home = `${yield* fs.makeTempDirectoryScoped()}/home`
      const layer = withConfig({ DATABASE_URL: Redacted.value(url), NEXUS_HOME: home })
      assert.deepStrictEqual(yield* Effect.provide(database, layer), [{ name, app: "nexus" }])
      assert.isFalse(yield* fs.exists(home))
    }).pipe(Effect.provide([NodeServices.layer, TestDatabase.layerEmpty]))
  )

  it.live("is an embedded one in NEXUS_HOME when there is no DATABASE_URL", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = `${yield* fs.makeTempDirectoryScoped()}/home`
      // As root it lies outside of the home.
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.flatMap(fs.realPath(`${home}/postgres`), (path) => fs.remove(path, { recursive: true })))
      )
      const durability = Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        return yield* sql`
          SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`
      })
      const all = Effect.all([database, durability]).pipe(Effect.provide(withConfig({ NEXUS_HOME: home })))
      assert.deepStrictEqual(yield* all, [[{ name: "nexus", app: "nexus" }], [{ fsync: "on", commit: "on" }]])
    }).pipe(Effect.provide([NodeServices.layer, Logger.layer([])]))
  )
})
