import { NodeServices } from "@effect/platform-node"
import { PgConnection } from "@effect/sql-pg"
import { Context, Crypto, Effect, Layer, Redacted } from "effect"
import { Hex } from "effect/encoding"
import { inject } from "vitest"
import { clientLayer } from "../../src/database/Database.ts"
import { withDatabase } from "./PostgresServer.ts"

/**
 * A database of the test file's own, a copy of the migrated template, dropped afterwards. `TestDatabase.layer` gives
 * it together with a client (`PgClient` and `SqlClient`) that is set up like the service's:
 *
 * ```ts
 * layer(Outbox.layer.pipe(Layer.provideMerge(TestDatabase.layer)), { excludeTestServices: true })("Outbox", (it) => …)
 * ```
 *
 * `excludeTestServices` keeps the real clock, which timeouts and retries against a real server need. Roles belong to
 * the whole server: a test that makes one gives it a name of its own.
 */
export class TestDatabase extends Context.Service<
  TestDatabase,
  {
    readonly url: Redacted.Redacted
    readonly name: string
  }
>()("nexus/test/TestDatabase") {
  private static readonly copyOf = (source: string) =>
    Layer.effect(
      TestDatabase,
      Effect.gen(function* () {
        const { url } = inject("postgres")
        const name = `test_${Hex.encode(yield* (yield* Crypto.Crypto).randomBytes(8))}`
        const admin = yield* PgConnection.make({ url: Redacted.make(url) })
        yield* Effect.acquireRelease(admin.query(`CREATE DATABASE ${name} TEMPLATE ${source}`), () =>
          Effect.orDie(admin.query(`DROP DATABASE ${name} WITH (FORCE)`))
        )
        return TestDatabase.of({ url: withDatabase(url, name), name })
      })
    ).pipe(Layer.provide(NodeServices.layer))

  private static readonly withClient = <E, R>(database: Layer.Layer<TestDatabase, E, R>) =>
    Layer.unwrap(Effect.map(TestDatabase, ({ url }) => clientLayer(url))).pipe(Layer.provideMerge(database))

  /** The service's schema, no rows. */
  static readonly layer = Layer.suspend(() => this.withClient(this.copyOf(inject("postgres").template)))

  /** Nothing at all in it: for tests of the migrations and of the driver. */
  static readonly layerEmpty = this.withClient(this.copyOf("template0"))
}
