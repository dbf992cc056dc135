/** The least that any such system does: hears of a commit by NOTIFY and POSTs. `FloorProgram.ts <database url> <sink>` */
import process from "node:process"
import { NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Queue, Redacted } from "effect"
import { clientLayer } from "../../src/database/Database.ts"
import { makeSignedPost } from "./contenders/SignedPost.ts"

const [, , url = "", sink = ""] = process.argv
const post = makeSignedPost(sink, "floor", "/timed")

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const notifications = yield* sql.listen("floor")
  process.send?.({ ready: true })
  return yield* Queue.take(notifications).pipe(
    Effect.flatMap(({ payload }) =>
      Effect.forkChild(
        Effect.promise(() => post({ id: `msg-${payload}`, webhook: 0, body: `{"data":{"index":${payload}}}` }))
      )
    ),
    Effect.forever
  )
}).pipe(Effect.scoped)

NodeRuntime.runMain(program.pipe(Effect.provide(clientLayer(Redacted.make(url), 2))))
