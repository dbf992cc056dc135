/** Exports whose process ends, or that another process, or nobody, has any more. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { actor } from "../support/People.ts"
import { connect, exportOf, fileStore, take } from "./FileStore.ts"
import { anotherEngine, people, runOf } from "./Syncing.ts"

const { store, begin, layer: StoreLayer } = fileStore()

layer(StoreLayer, { excludeTestServices: true, timeout: "60 seconds" })("An export", (it) => {
  it.effect("whose process dies goes on in another one from what was kept, under the same name", () =>
    Effect.gen(function* () {
      begin()
      const runs = yield* SyncRunRepo
      const sql = yield* PgClient.PgClient
      yield* people("eve", 5)
      const { id } = yield* connect("eve")
      store.put = (_, { keep }) => Effect.andThen(keep("half way"), Effect.never)
      const engine = yield* SyncEngine
      const row = {
        id,
        userId: actor("eve").userId,
        provider: (yield* (yield* Integrations).get(actor("eve").userId, "STORE")).provider
      }
      const dead = yield* runs.begin(row, { trigger: "manual", isFull: false, isDryRun: false, format: "csv" })
      assert.isDefined(dead)
      yield* sql`UPDATE nexus.sync_run SET leased_until = now() - interval '1 second' WHERE id = ${dead.id}::uuid`
      assert.strictEqual(yield* engine.takeOver, 1)
      yield* Effect.sync(() => store.kept.length).pipe(
        Effect.repeat({ until: (calls) => calls > 0, schedule: Schedule.spaced("5 millis") })
      )
      const keptSomething = sql<{
        upload: string | null
      }>`SELECT upload FROM nexus.sync_run WHERE id = ${dead.id}::uuid`
      const [{ upload } = { upload: null }] = yield* keptSomething.pipe(
        Effect.repeat({ until: ([first]) => first?.upload !== null, schedule: Schedule.spaced("5 millis") })
      )
      assert.match(upload ?? "", /^nx1\./)
      assert.notInclude(upload ?? "", "half way")

      store.put = (file) => take(store, file)
      const heir = yield* anotherEngine
      yield* sql`UPDATE nexus.sync_run SET leased_until = now() - interval '1 second' WHERE id = ${dead.id}::uuid`
      assert.strictEqual(yield* heir.takeOver, 1)
      yield* heir.settled(dead.id)
      assert.deepEqual(store.kept, [null, "half way"])
      const run = yield* runOf("eve", "STORE", dead.id)
      assert.deepInclude(run, { state: "COMPLETED", created: 5 })
      assert.strictEqual(run.file?.name, store.files[0]?.name)
      assert.deepEqual(yield* keptSomething, [{ upload: null }])
    }).pipe(Effect.scoped)
  )

  it.effect(
    "makes no second file when its process dies before the run is over, and after the file is written down",
    () =>
      Effect.gen(function* () {
        begin()
        const sql = yield* PgClient.PgClient
        yield* people("pat", 3)
        yield* connect("pat")
        const run = yield* exportOf("pat")
        yield* sql`UPDATE nexus.sync_run SET state = 'RUNNING', finished_at = NULL, lease = gen_random_uuid(), leased_until = now()
        WHERE id = ${run.id}::uuid`
        const engine = yield* SyncEngine
        assert.strictEqual(yield* engine.takeOver, 1)
        yield* engine.settled(run.id)
        const { state, created, file } = yield* runOf("pat", "STORE", run.id)
        assert.deepEqual([state, created, file], ["COMPLETED", 3, run.file])
        assert.strictEqual(store.files.length, 1)
      })
  )

  it.effect("makes no file once another process has the run, or nobody wants it any more", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const taken = sql`UPDATE nexus.sync_run SET lease = gen_random_uuid() WHERE user_id = 'ned' AND state = 'RUNNING'`
      const cancelled = sql`UPDATE nexus.sync_run SET is_cancelled = true WHERE user_id = 'ned' AND state = 'RUNNING'`
      const forgotten = sql`SELECT nexus.forget_user('ned')`
      const over = sql`UPDATE nexus.sync_run SET state = 'CANCELLED', lease = NULL, leased_until = NULL, finished_at = now()
        WHERE user_id = 'ned' AND state = 'RUNNING'`
      for (const happens of [taken, cancelled, forgotten]) {
        for (const next of ["keeps", "reads"]) {
          begin()
          yield* people("ned", 1)
          yield* connect("ned")
          store.put = (file, { keep }) =>
            Effect.gen(function* () {
              yield* keep("one")
              yield* Effect.orDie(happens)
              yield* next === "keeps" ? keep("two") : file.read({ from: 0, length: 1 })
              return yield* take(store, file)
            })
          yield* Effect.exit(exportOf("ned"))
          assert.deepEqual([store.kept, store.files], [[null], []])
          yield* over
          yield* sql`DELETE FROM nexus.contact WHERE user_id = 'ned'`
        }
      }
    })
  )
})
