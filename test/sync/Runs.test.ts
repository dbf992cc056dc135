import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Result, Schedule, Scope } from "effect"
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
import { connectAcme, honest, type Script, scripted } from "./Scripted.ts"
import { anotherEngine, engineInScope, people, recorded, runOf, sync } from "./Syncing.ts"

const { script, layer: TestLayer } = scripted()
const manual = { trigger: "manual", isFull: false, isDryRun: false } as const

/** Holds every batch, from the n-th on, until it is let go. */
const hold = Effect.fnUntraced(function* (script: Script, from = 1) {
  const arrived = yield* Deferred.make<void>()
  const free = yield* Deferred.make<void>()
  const stopped = yield* Deferred.make<void>()
  let batches = 0
  script.upsert = (batch) =>
    Effect.gen(function* () {
      if (++batches < from) return honest(script, batch)
      yield* Deferred.succeed(arrived, undefined)
      yield* Effect.onInterrupt(Deferred.await(free), () => Deferred.succeed(stopped, undefined))
      return honest(script, batch)
    })
  return {
    arrived: Deferred.await(arrived),
    letGo: Deferred.succeed(free, undefined),
    stopped: Deferred.await(stopped)
  }
})

const startNow = Effect.fnUntraced(function* (userId: string) {
  return yield* Effect.forkScoped(Effect.result(sync(userId, "ACME")), { startImmediately: true })
})

/** Makes the lease of a run lapse, as if its process had not been heard of. */
const lapse = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`UPDATE nexus.sync_run SET leased_until = now() - interval '1 second' WHERE user_id = ${userId} AND state = 'RUNNING'`
})

/** Whether the counts of a run add up: each contact in exactly one. */
const addsUp = (run: {
  readonly total: number
  readonly contactsSynced: number
  readonly rejected: number
  readonly pending: number
  readonly unconfirmed: number
}) => assert.strictEqual(run.contactsSynced + run.rejected + run.pending + run.unconfirmed, run.total)

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

  it.effect("of a process that is gone are taken over once its lease has lapsed, and not before", () =>
    Effect.gen(function* () {
      const runs = yield* SyncRunRepo
      const records = yield* SyncRecordRepo
      yield* people("dead", 30, 401)
      const row = yield* connectAcme("dead")
      script.upsert = (batch) => Effect.sync(() => honest(script, batch))
      script.sent.length = 0
      // What a process leaves that dies after its first batch, with the second one at the provider.
      const dead = yield* runs.begin(row, manual)
      assert.isDefined(dead)
      const page = yield* records.page(dead, null, 10)
      const accounted = page.map(({ id, email }) => ({
        ...{
          contactId: id,
          email,
          externalId: email,
          hash: "h",
          reason: null,
          field: null,
          isRetryable: false,
          job: null
        },
        outcome: "created" as const
      }))
      const progress = { position: page.at(-1)?.id ?? null, counts: { created: 10 }, accounted, forgotten: [] }
      assert.isTrue(yield* records.checkpoint(dead, progress))

      const heir = yield* anotherEngine
      assert.strictEqual(yield* heir.takeOver, 0)
      yield* lapse("dead")
      assert.strictEqual(yield* heir.takeOver, 1)
      yield* heir.settled(dead.id)
      const run = yield* runOf("dead", "ACME", dead.id)
      assert.deepInclude(run, { state: "COMPLETED", total: 30, created: 30 })
      addsUp(run)
      assert.strictEqual(script.sent.flat().length, 20)

      // The dead one was only slow, and wakes up.
      assert.isFalse(yield* records.checkpoint(dead, progress))
      yield* runs.finish(dead, "FAILED", { error: "late", kind: null })
      yield* runs.wait(dead, 1, { error: "late", kind: null })
      assert.deepStrictEqual(yield* runOf("dead", "ACME", dead.id), run)
    })
  )

  it.effect("count each contact once when a slow process and its heir work on the same batch", () =>
    Effect.gen(function* () {
      yield* people("slow", 30, 501)
      yield* connectAcme("slow")
      const { arrived, letGo } = yield* hold(script, 2)
      const slow = yield* startNow("slow")
      yield* arrived
      const { id } = yield* runOf("slow", "ACME")
      yield* lapse("slow")
      const heir = yield* anotherEngine
      assert.strictEqual(yield* heir.takeOver, 1)
      yield* letGo
      yield* heir.settled(id)
      yield* Fiber.join(slow)
      const run = yield* runOf("slow", "ACME", id)
      assert.deepInclude(run, { state: "COMPLETED", total: 30 })
      addsUp(run)
      assert.strictEqual((yield* recorded("slow")).created, run.created)
    })
  )

  it.effect("that come back to the process that lost them are worked on once", () =>
    Effect.gen(function* () {
      const engine = yield* SyncEngine
      yield* people("back", 30, 601)
      yield* connectAcme("back")
      const { arrived, letGo } = yield* hold(script, 2)
      yield* startNow("back")
      yield* arrived
      const { id } = yield* runOf("back", "ACME")
      yield* lapse("back")
      assert.strictEqual(yield* engine.takeOver, 1)
      yield* letGo
      yield* engine.settled(id)
      const run = yield* runOf("back", "ACME", id)
      assert.deepInclude(run, { state: "COMPLETED", total: 30 })
      addsUp(run)
    })
  )

  it.effect("are handed over at once by a process that stops", () =>
    Effect.gen(function* () {
      yield* people("stop", 30, 701)
      yield* connectAcme("stop")
      const row = yield* (yield* IntegrationRepo).list(actor("stop").userId)
      const { scope, engine } = yield* engineInScope
      const { arrived, letGo } = yield* hold(script, 2)
      assert.isDefined(row[0])
      const begun = yield* engine.begin(row[0], manual)
      assert.isDefined(begun)
      yield* arrived
      yield* Scope.close(scope, Exit.void)
      const heir = yield* anotherEngine
      assert.strictEqual(yield* heir.takeOver, 1)
      yield* letGo
      yield* heir.settled(begun.id)
      const run = yield* runOf("stop", "ACME", begun.id)
      assert.deepInclude(run, { state: "COMPLETED", total: 30 })
      addsUp(run)
    })
  )

  it.effect("of a fiber that the database failed lose their lease, although their process lives on", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const runs = yield* SyncRunRepo
      yield* people("failed", 30, 801)
      yield* connectAcme("failed")
      const { arrived, letGo } = yield* hold(script, 2)
      const running = yield* startNow("failed")
      yield* arrived
      yield* sql`
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no disk'; END $$`
      yield* sql`
        CREATE TRIGGER fail BEFORE INSERT ON nexus.sync_record FOR EACH ROW WHEN (NEW.user_id = 'failed')
        EXECUTE FUNCTION fail()`
      yield* letGo
      assert.deepInclude(Result.getOrThrow(yield* Fiber.join(running)), { state: "RUNNING", created: 10 })
      const [row] = yield* sql<{ lease: string }>`SELECT lease FROM nexus.sync_run WHERE user_id = 'failed'`
      yield* sql`DROP TRIGGER fail ON nexus.sync_record`
      yield* lapse("failed")
      assert.deepStrictEqual(yield* runs.renew([row?.lease ?? ""]), [])
      const engine = yield* SyncEngine
      assert.strictEqual(yield* engine.takeOver, 1)
      const { id } = yield* runOf("failed", "ACME")
      yield* engine.settled(id)
      const run = yield* runOf("failed", "ACME", id)
      assert.deepInclude(run, { state: "COMPLETED", total: 30 })
      addsUp(run)
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

  it.effect("that a process has lost are stopped there, in the middle of whatever it waits for", () =>
    Effect.gen(function* () {
      yield* people("lost", 30, 1001)
      yield* connectAcme("lost")
      const { arrived, stopped } = yield* hold(script, 2)
      const slow = yield* startNow("lost")
      yield* arrived
      const { id } = yield* runOf("lost", "ACME")
      yield* lapse("lost")
      script.upsert = (batch) => Effect.sync(() => honest(script, batch))
      const heir = yield* anotherEngine
      assert.strictEqual(yield* heir.takeOver, 1)
      yield* heir.settled(id)
      yield* stopped
      assert.deepInclude(Result.getOrThrow(yield* Fiber.join(slow)), { state: "COMPLETED", created: 30 })
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
