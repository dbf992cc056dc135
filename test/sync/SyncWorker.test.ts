import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { SyncWorkerLayer } from "../../src/sync/SyncWorker.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { people, sync } from "./Syncing.ts"

const { script, layer: TestLayer } = scripted()

const upsert = Effect.fnUntraced(function* (userId: string, email: string, firstName: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`SELECT nexus.upsert_contact(${userId}, ${email}, first_name => ${firstName})`
})

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("the worker", (it) => {
  it.effect("gathers changes of seconds into one batch, and one integration that breaks it stops no other", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      for (const user of ["broken", "whole"]) yield* connectAcme(user, { autoSync: true })
      yield* sql`
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$`
      yield* sql`
        CREATE TRIGGER fail BEFORE INSERT ON nexus.sync_run FOR EACH ROW WHEN (NEW.user_id = 'broken')
        EXECUTE FUNCTION fail()`
      yield* sql`UPDATE nexus.integration SET sync_at = CASE user_id WHEN 'broken' THEN now() END`
      yield* Layer.build(SyncWorkerLayer)
      for (const n of [1, 2, 3]) {
        yield* upsert("broken", `b${n}@example.com`, "B")
        yield* upsert("whole", `w${n}@example.com`, "W")
      }
      yield* Effect.sync(() => script.there.size).pipe(
        Effect.repeat({ until: (size) => size >= 3, schedule: Schedule.spaced("20 millis") })
      )
      assert.deepStrictEqual(script.sent, [["w1@example.com", "w2@example.com", "w3@example.com"]])
      yield* sql`DROP TRIGGER fail ON nexus.sync_run`
      yield* sql`UPDATE nexus.integration SET sync_at = now() WHERE user_id = 'broken'`
      yield* Effect.sync(() => script.there.size).pipe(
        Effect.repeat({ until: (size) => size >= 6, schedule: Schedule.spaced("20 millis") })
      )
    })
  )

  it.effect("has no more than eight in the background at once, beside those that people wait for", () =>
    Effect.gen(function* () {
      const engine = yield* SyncEngine
      const runs = yield* SyncRunRepo
      const free = yield* Deferred.make<void>()
      script.upsert = (batch) => Effect.as(Deferred.await(free), honest(script, batch))
      yield* people("person", 1, 101)
      yield* connectAcme("person")
      const waited = yield* Effect.forkScoped(sync("person", "ACME"), { startImmediately: true })
      for (let n = 0; n < 9; n++) {
        yield* people(`busy-${n}`, 1, 201 + n)
        const row = yield* connectAcme(`busy-${n}`)
        yield* runs.begin(row, { trigger: "manual", isFull: false, isDryRun: false, format: null })
      }
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE nexus.sync_run SET leased_until = now() - interval '1 second' WHERE user_id LIKE 'busy-%'`
      assert.strictEqual(yield* engine.takeOver, 8)
      assert.strictEqual(yield* engine.room, 0)
      assert.strictEqual(yield* engine.takeOver, 0)
      yield* Deferred.succeed(free, undefined)
      yield* Fiber.join(waited)
      yield* engine.room.pipe(Effect.repeat({ until: (room) => room === 8, schedule: Schedule.spaced("5 millis") }))
      assert.strictEqual(yield* engine.takeOver, 1)
    })
  )
})
