import * as os from "node:os"
import * as process from "node:process"
import { NodeServices } from "@effect/platform-node"
import { PgConnection } from "@effect/sql-pg"
import { Config, Context, Crypto, Effect, Exit, FileSystem, Layer, Logger, Option, Path, Redacted, Scope } from "effect"
import { Hex } from "effect/encoding"
import type { TestProject } from "vitest/node"
import { clientLayer } from "../../src/database/Database.ts"
import { EmbeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { processExists } from "./Processes.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The server of this test run, and the name of the migrated database there that each test file gets a copy of. */
    readonly postgres: { readonly url: string; readonly template: string }
  }
}

/** Durability is not under test here, and costs most of the time. */
const settings = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "200",
  max_prepared_transactions: "10"
}

const serverIn = (directory: string) =>
  EmbeddedPostgres.layerWith({ home: `${directory}/home`, rootDirectory: `${directory}/root`, settings })

/** Stops and removes the servers of test runs that were killed before they could. */
const sweep = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of yield* fs.readDirectory(os.tmpdir())) {
    const [, pid] = /^nexus-test-run-(\d+)-/.exec(name) ?? []
    if (pid === undefined || (yield* processExists(Number(pid)))) continue
    const directory = path.join(os.tmpdir(), name)
    // The last to leave stops the server.
    yield* Effect.ignore(Effect.scoped(Layer.build(serverIn(directory))))
    yield* Effect.ignore(fs.remove(directory, { recursive: true }))
  }
})

/** A server of this run's own, in a temporary directory. */
const ownServer = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  yield* sweep
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: `nexus-test-run-${process.pid}-` })
  yield* fs.chmod(directory, 0o711)
  return Context.get(yield* Layer.build(serverIn(directory)), EmbeddedPostgres).url
})

/** The same server with another database in it. */
export const withDatabase = (url: string, name: string): Redacted.Redacted => {
  const other = new URL(url)
  other.pathname = `/${name}`
  return Redacted.make(other.href)
}

/** Creates the template and migrates it; drops it again when the scope closes, as the server may not be ours. */
const template = Effect.fnUntraced(function* (url: string) {
  const name = `nexus_test_template_${Hex.encode(yield* (yield* Crypto.Crypto).randomBytes(4))}`
  const admin = yield* PgConnection.make({ url: Redacted.make(url) })
  yield* Effect.acquireRelease(admin.query(`CREATE DATABASE ${name}`), () =>
    Effect.ignore(admin.query(`DROP DATABASE ${name} WITH (FORCE)`))
  )
  yield* Effect.provide(migrate, clientLayer(withDatabase(url, name), 1))
  return name
})

/** Vitest's `globalSetup`: one Postgres for the whole run, or the one of `TEST_DATABASE_URL`. */
export default async function setup(project: TestProject) {
  const scope = Scope.makeUnsafe()
  const stop = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const start = Effect.gen(function* () {
    const given = yield* Config.option(Config.Redacted("TEST_DATABASE_URL"))
    const url = Redacted.value(Option.isSome(given) ? given.value : yield* ownServer)
    project.provide("postgres", { url, template: yield* template(url) })
  })
  const services = await Effect.runPromise(
    Layer.buildWithScope(Layer.merge(NodeServices.layer, Logger.layer([])), scope)
  )
  await Effect.runPromise(start.pipe(Scope.provide(scope), Effect.provide(services))).catch(async (error) => {
    await stop()
    throw error
  })
  return stop
}
