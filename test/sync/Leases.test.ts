import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Result, Scope } from "effect"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRecordRepo } from "../../src/sync/SyncRecordRepo.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { actor } from "../support/People.ts"
import { addsUp, hold, lapse, manual, startNow } from "./Holding.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { anotherEngine, engineInScope, people, recorded, runOf } from "./Syncing.ts"

const { script, layer: TestLayer } = scripted()

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("runs", (it) => {
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
})
