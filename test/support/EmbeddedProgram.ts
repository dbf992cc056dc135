/**
 * A process that uses the embedded server, for tests that kill it: `node EmbeddedProgram.ts <home> <rootDirectory>`.
 * It prints the database's address once it can be used, and while it stops whether the database still answers then.
 */

import * as process from "node:process"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgConnection } from "@effect/sql-pg"
import { Console, Effect, Layer, Logger, Redacted } from "effect"
import { EmbeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"

const [, , home = "", rootDirectory = ""] = process.argv

const User = Layer.effectDiscard(
  Effect.gen(function* () {
    const { url } = yield* EmbeddedPostgres
    yield* Effect.addFinalizer(() =>
      Effect.scoped(Effect.flatMap(PgConnection.make({ url }), (connection) => connection.query("SELECT 1"))).pipe(
        Effect.andThen(Console.log("answers")),
        Effect.orDie
      )
    )
    yield* Console.log(Redacted.value(url))
  })
)

Layer.launch(User).pipe(
  Effect.provide(EmbeddedPostgres.layerWith({ home, rootDirectory, settings: { fsync: "off" } })),
  // Its standard output is for the test to read.
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain
)
