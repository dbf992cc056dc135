import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { IntegrationPatch } from "../../src/domain/Integration.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { actor } from "../support/People.ts"
import { killHard } from "../support/Processes.ts"
import { runOf } from "../sync/Syncing.ts"
import {
  atLeast,
  beginExport,
  come,
  connectStore,
  filesOf,
  isChunk,
  lapse,
  leftOver,
  manyPeople,
  over,
  type Store,
  StoresLayer,
  stands,
  startExporter,
  until
} from "./Exporting.ts"

/** What ends an integration, or turns it into another one. */
const ends: Readonly<
  Record<string, (userId: string, store: Store) => Effect.Effect<unknown, unknown, Integrations | PgClient.PgClient>>
> = {
  paused: Effect.fnUntraced(function* (userId, store) {
    yield* (yield* Integrations).update(actor(userId), store, new IntegrationPatch({ status: "INACTIVE" }))
  }),
  disconnected: Effect.fnUntraced(function* (userId, store) {
    yield* (yield* Integrations).disconnect(actor(userId), store)
  }),
  "connected to another account": Effect.fnUntraced(function* (userId, store) {
    const sql = yield* PgClient.PgClient
    yield* sql`UPDATE nexus.integration SET account_id = 'another' WHERE user_id = ${userId}`
    yield* connectStore(userId, store)
  }),
  "of a user who is forgotten": Effect.fnUntraced(function* (userId) {
    yield* (yield* PgClient.PgClient)`SELECT nexus.forget_user(${userId})`
  })
}

layer(StoresLayer, { excludeTestServices: true, timeout: "60 seconds" })("An export on its way", (it) => {
  it.effect(
    "makes no file when its integration ends, and another can be made at once",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { tmp, signal } = yield* startExporter()
        for (const [index, [what, end]] of Object.entries(ends).entries()) {
          for (const store of yield* atLeast(index % 2 === 0 ? "DROPBOX" : "GOOGLE_DRIVE")) {
            const userId = `${what} ${store}`
            yield* manyPeople(userId)
            const integration = yield* connectStore(userId, store)
            stands[store].plan({ left: 1, isDone: true, fits: isChunk, happens: signal("SIGSTOP") })
            const run = yield* beginExport(integration)
            yield* come(store)
            yield* end(userId, store)
            yield* Effect.sync(signal("SIGCONT"))
            const open = sql`SELECT id FROM nexus.sync_run WHERE id = ${run.id}::uuid AND state IN ('RUNNING', 'WAITING')`
            yield* until(open, (rows) => rows.length === 0)
            const states = yield* sql`SELECT state FROM nexus.sync_run WHERE id = ${run.id}::uuid`
            assert.deepStrictEqual(states, what.includes("forgotten") ? [] : [{ state: "CANCELLED" }], userId)
            yield* until(leftOver([tmp]), (left) => left.length === 0)
            yield* sql`DELETE FROM nexus.contact WHERE user_id = ${userId} AND email NOT LIKE 'ada.1@%'`
            const next = yield* beginExport(yield* connectStore(userId, store))
            yield* (yield* Integrations).update(actor(userId), store, new IntegrationPatch({ status: "ACTIVE" }))
            yield* lapse(userId)
            assert.strictEqual((yield* over(userId, store, next.id)).state, "COMPLETED", userId)
            const before = filesOf(store, run).map(({ name }) => name)
            assert.deepStrictEqual(before, [], userId)
          }
        }
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.effect(
    "that this machine has no disk for says so, and is made by one that has",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* manyPeople("disk")
        const integration = yield* connectStore("disk", "DROPBOX")
        const broken = yield* startExporter("/dev/null/nowhere")
        const run = yield* beginExport(integration)
        const { state, error } = yield* over("disk", "DROPBOX", run.id)
        assert.strictEqual(state, "WAITING")
        assert.match(error ?? "", /The service could not write the file to its own disk/)
        const status = yield* sql`SELECT status FROM nexus.integration WHERE user_id = 'disk'`
        assert.deepStrictEqual(status, [{ status: "ACTIVE" }])
        yield* killHard(broken.pid)
        const { tmp } = yield* startExporter()
        yield* lapse("disk")
        const done = yield* until(runOf("disk", "DROPBOX", run.id), ({ state }) => state === "COMPLETED")
        assert.deepStrictEqual({ created: done.created, error: done.error }, { created: 4000, error: null })
        assert.deepStrictEqual(yield* leftOver([tmp]), [])
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )
})
