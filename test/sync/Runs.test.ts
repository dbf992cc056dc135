import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Result, Schedule } from "effect"
import { IntegrationPatch } from "../../src/domain/Integration.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { unavailable } from "../../src/plugin/ProviderError.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRecordRepo } from "../../src/sync/SyncRecordRepo.ts"
import { SyncRunner } from "../../src/sync/SyncRunner.ts"
import { SyncRunRepo, type SyncRunRow } from "../../src/sync/SyncRunRepo.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { actor } from "../support/People.ts"
import { hold, lapse, manual, startNow } from "./Holding.ts"
import { connectAcme, scripted } from "./Scripted.ts"
import { anotherEngine, people, recorded, runOf, sync } from "./Syncing.ts"

const { script, layer: TestLayer } = scripted()

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("runs", (it) => {
  it.effect("are one at a time, over twenty callers and two processes", () =>
    Effect.gen(function* () {
      yield* people("one", 30)
      yield* connectAcme("one")
      const own = yield* Syncs
      const context = yield* Layer.build(
        Layer.fresh(
          Syncs.layer.pipe(
            Layer.provide(Layer.fresh(SyncEngine.layer.pipe(Layer.provide(Layer.fresh(SyncRunner.layer)))))
          )
        )
      )
      const other = yield* Effect.provide(Syncs, context)
      const { arrived, letGo } = yield* hold(script)
      const refused = yield* Queue.unbounded<void>()
      const starts = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? own : other)),
        (syncs) =>
          syncs.start(actor("one"), "ACME", {}).pipe(
            Effect.tapError(() => Queue.offer(refused, undefined)),
            Effect.result,
            Effect.forkScoped({ startImmediately: true })
          )
      )
      yield* arrived
      for (let others = 0; others < 19; others++) yield* Queue.take(refused)
      yield* letGo
      const results = yield* Effect.forEach(starts, Fiber.join)
      const [done, ...more] = results.filter(Result.isSuccess)
      assert.deepStrictEqual(more, [])
      assert.deepInclude(done?.success, { state: "COMPLETED", created: 30 })
      for (const { failure } of results.filter(Result.isFailure)) {
        assert.strictEqual(failure._tag, "SyncInProgress")
        if (failure._tag === "SyncInProgress") assert.strictEqual(failure.runId, done?.success.id)
      }
      assert.isTrue(Array.from(script.there.values()).every((times) => times === 1))
    })
  )

  it.effect("end after the batch that is under way when they are cancelled, and stay as they are after their end", () =>
    Effect.gen(function* () {
      const syncs = yield* Syncs
      yield* people("cancel", 30, 101)
      yield* connectAcme("cancel")
      const { arrived, letGo } = yield* hold(script, 2)
      const running = yield* startNow("cancel")
      yield* arrived
      const { id } = yield* runOf("cancel", "ACME")
      const cancelling = yield* Effect.forkScoped(syncs.cancel(actor("cancel"), "ACME", id), { startImmediately: true })
      const sql = yield* PgClient.PgClient
      yield* sql`SELECT FROM nexus.sync_run WHERE id = ${id}::uuid AND is_cancelled`.pipe(
        Effect.repeat({ until: (rows) => rows.length > 0 })
      )
      yield* letGo
      assert.deepInclude(yield* Fiber.join(cancelling), { state: "CANCELLED", created: 20, total: 30 })
      assert.deepInclude(Result.getOrThrow(yield* Fiber.join(running)), { state: "CANCELLED", contactsSynced: 20 })
      assert.deepStrictEqual(yield* recorded("cancel"), { created: 20 })

      const before = yield* runOf("cancel", "ACME", id)
      assert.deepStrictEqual(yield* syncs.cancel(actor("cancel"), "ACME", id), before)
      assert.deepInclude(yield* sync("cancel", "ACME"), { state: "COMPLETED", created: 10, unchanged: 20 })
    })
  )

  it.effect("end when the integration is paused or disconnected, and leave nothing behind", () =>
    Effect.gen(function* () {
      const integrations = yield* Integrations
      yield* people("gone", 30, 201)
      yield* connectAcme("gone")
      const first = yield* hold(script, 2)
      const paused = yield* startNow("gone")
      yield* first.arrived
      yield* integrations.update(actor("gone"), "ACME", new IntegrationPatch({ status: "INACTIVE" }))
      yield* first.letGo
      assert.deepInclude(Result.getOrThrow(yield* Fiber.join(paused)), { state: "CANCELLED", created: 20 })
      const refused = yield* Effect.flip(sync("gone", "ACME"))
      assert.strictEqual(refused._tag, "IntegrationNotActive")
      yield* integrations.update(actor("gone"), "ACME", new IntegrationPatch({ status: "ACTIVE" }))

      const second = yield* hold(script)
      const disconnected = yield* startNow("gone")
      yield* second.arrived
      yield* integrations.disconnect(actor("gone"), "ACME")
      yield* second.letGo
      const last = Result.getOrThrow(yield* Fiber.join(disconnected))
      assert.deepInclude(last, { state: "CANCELLED", created: 0 })
      assert.deepStrictEqual(yield* recorded("gone"), {})
      assert.strictEqual((yield* runOf("gone", "ACME")).id, last.id)
    })
  )

  it.effect("count contacts that come and go while they run", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* people("moving", 30, 301)
      yield* connectAcme("moving")
      const { arrived, letGo } = yield* hold(script, 2)
      const running = yield* startNow("moving")
      yield* arrived
      const { id } = yield* runOf("moving", "ACME")
      yield* people("moving", 7, 351)
      yield* sql`DELETE FROM nexus.contact WHERE user_id = 'moving' AND email = 'ada.330@example.com'`
      yield* lapse("moving")
      const heir = yield* anotherEngine
      assert.strictEqual(yield* heir.takeOver, 1)
      yield* letGo
      yield* heir.settled(id)
      yield* Fiber.join(running)
      const run = yield* runOf("moving", "ACME", id)
      assert.deepInclude(run, { state: "COMPLETED", total: 36 })
    })
  )

  it.effect("end as cancelled also when the provider fails at that moment", () =>
    Effect.gen(function* () {
      const syncs = yield* Syncs
      yield* people("both", 30, 901)
      yield* connectAcme("both")
      script.upsert = () =>
        Effect.gen(function* () {
          const { id } = yield* runOf("both", "ACME")
          yield* sql`UPDATE nexus.sync_run SET is_cancelled = true WHERE id = ${id}::uuid`
          return yield* unavailable("it is down")
        }).pipe(
          Effect.provideService(Syncs, syncs),
          Effect.catchTag(["SqlError", "UnknownProvider", "SyncNotFound"], Effect.die)
        )
      const sql = yield* PgClient.PgClient
      assert.deepInclude(yield* sync("both", "ACME"), { state: "CANCELLED" })
    })
  )

  it.effect("that are cancelled end although the provider does not answer", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* people("stuck", 30, 1101)
      yield* connectAcme("stuck")
      const { arrived } = yield* hold(script, 2)
      const stuck = yield* startNow("stuck")
      yield* arrived
      yield* sql`UPDATE nexus.sync_run SET is_cancelled = true WHERE user_id = 'stuck'`
      yield* Fiber.join(stuck)
      const { state, created, finishedAt } = yield* runOf("stuck", "ACME").pipe(
        Effect.repeat({ until: ({ state }) => state !== "RUNNING", schedule: Schedule.spaced("10 millis") })
      )
      assert.deepStrictEqual({ state, created }, { state: "CANCELLED", created: 10 })
      assert.isNotNull(finishedAt)
    })
  )

  it.effect("note nothing at an integration that has another account by their end", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const runs = yield* SyncRunRepo
      const row = yield* connectAcme("account", {}, "old")
      const run = yield* runs.begin(row, manual)
      assert.isDefined(run)
      yield* connectAcme("account", {}, "new")
      yield* runs.finish(run, "COMPLETED", { error: null, kind: null })
      const [after] = yield* sql`SELECT last_sync_at, synced_to::text FROM nexus.integration WHERE user_id = 'account'`
      assert.deepStrictEqual({ ...after }, { lastSyncAt: null, syncedTo: null })
      assert.strictEqual((yield* runOf("account", "ACME", run.id)).state, "COMPLETED")
    })
  )

  it.effect("never lock one another out with who pauses or disconnects their integration", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const runs = yield* SyncRunRepo
      const records = yield* SyncRecordRepo
      const empty = { position: null, counts: { created: 1 }, accounted: [], forgotten: [] }
      const steps = {
        checkpoint: (run: SyncRunRow) => Effect.asVoid(records.checkpoint(run, empty)),
        finish: (run: SyncRunRow) => runs.finish(run, "COMPLETED", { error: null, kind: null }),
        begin: (run: SyncRunRow) =>
          Effect.asVoid(runs.begin({ id: run.integrationId, userId: run.userId, provider: run.provider }, manual))
      }
      for (const [name, step] of Object.entries(steps)) {
        const user = `locks-${name}`
        const row = yield* connectAcme(user)
        const run = yield* runs.begin(row, manual)
        assert.isDefined(run)
        const isLocked = yield* Deferred.make<void>()
        const stepping = yield* Deferred.await(isLocked).pipe(
          Effect.andThen(step(run)),
          Effect.exit,
          Effect.forkScoped({ startImmediately: true })
        )
        yield* sql.withTransaction(
          Effect.gen(function* () {
            // What a pause does first.
            yield* sql`SELECT FROM nexus.integration WHERE id = ${row.id}::uuid FOR UPDATE`
            yield* Deferred.succeed(isLocked, undefined)
            yield* sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`.pipe(
              Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("5 millis") })
            )
            yield* (yield* IntegrationRepo).endSync(row)
          })
        )
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(stepping)), name)
      }
    })
  )

  it.effect("are kept for a time, with what they rejected", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const runs = yield* SyncRunRepo
      yield* sql`
        INSERT INTO nexus.sync_run (integration_id, user_id, provider, trigger, state, finished_at)
        SELECT gen_random_uuid(), 'old', 'ACME', 'manual', 'COMPLETED', now() - n * interval '1 hour' - interval '30 minutes'
        FROM generate_series(1, 1500) AS n`
      yield* sql`
        INSERT INTO nexus.sync_reject (run_id, contact_id, user_id, email, reason)
        SELECT id, gen_random_uuid(), 'old', 'a@example.com', 'no' FROM nexus.sync_run WHERE user_id = 'old'`
      assert.strictEqual(yield* runs.forget(10), 1000)
      assert.strictEqual(yield* runs.forget(10), 261)
      assert.strictEqual(yield* runs.forget(10), 0)
      const kept = yield* sql`SELECT FROM nexus.sync_reject WHERE user_id = 'old'`
      assert.strictEqual(kept.length, 239)
    })
  )
})
