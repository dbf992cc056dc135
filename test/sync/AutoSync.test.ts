import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule } from "effect"
import { IntegrationPatch, type Settings } from "../../src/domain/Integration.ts"
import { Checks } from "../../src/integrations/Checks.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { unauthorized } from "../../src/plugin/ProviderError.ts"
import { AutoSyncRepo } from "../../src/sync/AutoSyncRepo.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRecordRepo } from "../../src/sync/SyncRecordRepo.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { actor } from "../support/People.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { people, runOf, sync } from "./Syncing.ts"

const { script, layer: TestLayer } = scripted()

/** Waits until no transaction, in whatever database of the server, is older than the last change of a user's contacts. */
const calm = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    SELECT FROM nexus.contact WHERE user_id = ${userId}
    HAVING max(changed_in) >= pg_snapshot_xmin(pg_current_snapshot())`.pipe(
    Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("10 millis") })
  )
})

/** Does once what the worker does every second, for one user and without waiting for more changes; says the run. */
const automatic = Effect.fnUntraced(function* (userId: string, isCalm = true) {
  const sql = yield* PgClient.PgClient
  const engine = yield* SyncEngine
  const integrations = yield* IntegrationRepo
  const auto = yield* AutoSyncRepo
  if (isCalm) yield* calm(userId)
  yield* auto.gather
  yield* sql`UPDATE nexus.integration SET sync_at = now() WHERE sync_at < now() + interval '5 seconds' AND user_id = ${userId}`
  yield* sql`UPDATE nexus.integration SET sync_at = NULL WHERE user_id <> ${userId}`
  for (const id of yield* auto.due(1)) {
    const row = yield* integrations.byId(id)
    assert.isDefined(row)
    const run = yield* engine.begin(row, { trigger: "automatic", isFull: false, isDryRun: false, format: null })
    assert.isDefined(run)
    yield* engine.settled(run.id)
    return yield* runOf(userId, "ACME", run.id)
  }
  return undefined
})

const upsert = Effect.fnUntraced(function* (userId: string, email: string, firstName: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`SELECT nexus.upsert_contact(${userId}, ${email}, first_name => ${firstName})`
})

const change = Effect.fnUntraced(function* (userId: string, settings: Settings) {
  return yield* (yield* Integrations).update(actor(userId), "ACME", new IntegrationPatch({ settings }))
})

/** A script that does as it should, and has seen nothing. */
const fresh = () => {
  script.upsert = (batch) => Effect.sync(() => honest(script, batch))
  script.sent.length = 0
}

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("automatic syncs", (it) => {
  it.effect("bring what changed, and nothing else", () =>
    Effect.gen(function* () {
      fresh()
      yield* people("changes", 30)
      yield* connectAcme("changes", { autoSync: true })
      assert.deepInclude(yield* automatic("changes"), {
        trigger: "automatic",
        state: "COMPLETED",
        total: 30,
        created: 30
      })
      assert.isUndefined(yield* automatic("changes"))
      script.sent.length = 0
      yield* upsert("changes", "ada.7@example.com", "Augusta")
      yield* upsert("changes", "new@example.com", "Mary")
      // Written again as it is, which is no change.
      yield* upsert("changes", "ada.8@example.com", "Ada 8")
      assert.deepInclude(yield* automatic("changes"), { state: "COMPLETED", total: 2, contactsSynced: 2 })
      assert.deepStrictEqual(script.sent, [["ada.7@example.com", "new@example.com"]])
    })
  )

  it.effect("find what an application commits late, long after others that began later", () =>
    Effect.gen(function* () {
      fresh()
      yield* people("late", 3, 101)
      yield* connectAcme("late", { autoSync: true })
      yield* automatic("late")
      const sql = yield* PgClient.PgClient
      const written = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const slow = yield* upsert("late", "slow@example.com", "Slow").pipe(
        Effect.andThen(Deferred.succeed(written, undefined)),
        Effect.andThen(Deferred.await(commit)),
        sql.withTransaction,
        Effect.forkScoped({ startImmediately: true })
      )
      yield* Deferred.await(written)
      script.sent.length = 0
      for (const n of [1, 2]) {
        yield* upsert("late", `quick${n}@example.com`, "Quick")
        yield* automatic("late", false)
      }
      // A sync by hand in between doesn't pass over it either.
      yield* sync("late", "ACME")
      assert.deepStrictEqual(script.sent, [["quick1@example.com"], ["quick2@example.com"]])
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(slow)
      assert.deepInclude(yield* automatic("late"), { state: "COMPLETED" })
      assert.deepStrictEqual(script.sent.at(-1), ["slow@example.com"])
    })
  )

  it.effect("never make writers of contacts wait for one another, nor for who gathers", () =>
    Effect.gen(function* () {
      fresh()
      yield* connectAcme("writers", { autoSync: true })
      const sql = yield* PgClient.PgClient
      const auto = yield* AutoSyncRepo
      const write = (email: string) =>
        sql.withTransaction(Effect.andThen(sql`SET LOCAL lock_timeout = '50ms'`, upsert("writers", email, "W")))
      const outer = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const first = yield* Effect.forkScoped(
        sql.withTransaction(
          upsert("writers", "w0@example.com", "W").pipe(
            Effect.andThen(Deferred.succeed(outer, undefined)),
            Effect.andThen(Deferred.await(release))
          )
        ),
        { startImmediately: true }
      )
      yield* Deferred.await(outer)
      yield* write("w1@example.com")
      assert.strictEqual(yield* auto.gather, 1)
      yield* write("w2@example.com")
      assert.strictEqual(yield* auto.gather, 1)
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(first)
      assert.strictEqual(yield* auto.gather, 1)
      assert.deepInclude(yield* automatic("writers"), { created: 3 })
    })
  )

  it.effect("are nothing to integrations that don't want them", () =>
    Effect.gen(function* () {
      fresh()
      const auto = yield* AutoSyncRepo
      const sql = yield* PgClient.PgClient
      yield* connectAcme("manual")
      yield* people("manual", 30, 201)
      yield* upsert("manual", "ada.201@example.com", "Augusta")
      assert.strictEqual(yield* auto.gather, 0)
      yield* sql`UPDATE nexus.integration SET sync_at = now() WHERE user_id = 'manual'`
      assert.isUndefined(yield* automatic("manual"))
      // Turning it on brings what has come until then.
      yield* change("manual", { autoSync: true })
      assert.deepInclude(yield* automatic("manual"), { created: 30 })
    })
  )

  it.effect("catch up when the integration works again", () =>
    Effect.gen(function* () {
      fresh()
      yield* connectAcme("broken", { autoSync: true })
      yield* automatic("broken")
      yield* people("broken", 30, 301)
      script.upsert = () => Effect.fail(unauthorized("no"))
      assert.deepInclude(yield* automatic("broken"), { state: "FAILED", trigger: "automatic", created: 0 })
      fresh()
      assert.isUndefined(yield* automatic("broken"))
      // Nothing changes any more; connecting again alone brings what the failed run left.
      yield* connectAcme("broken", { autoSync: true })
      assert.deepInclude(yield* automatic("broken"), { state: "COMPLETED", created: 30 })

      yield* people("broken", 1, 351)
      script.upsert = () => Effect.fail(unauthorized("no"))
      yield* automatic("broken")
      fresh()
      const checks = yield* Checks
      const [row] = yield* (yield* IntegrationRepo).list(actor("broken").userId)
      assert.strictEqual(row?.status, "ERROR")
      if (row !== undefined) yield* checks.check(row)
      assert.deepInclude(yield* automatic("broken"), { state: "COMPLETED", total: 1, created: 1 })
    })
  )

  it.effect("send again what the provider may take on another day, and look at nothing else for it", () =>
    Effect.gen(function* () {
      fresh()
      const sql = yield* PgClient.PgClient
      yield* people("again", 30, 401)
      yield* connectAcme("again", { autoSync: true })
      script.upsert = (batch) =>
        Effect.succeed(
          honest(script, batch).map((outcome, index) =>
            index === 0 ? Outcome.Rejected({ reason: "It is locked", retryable: true }) : outcome
          )
        )
      assert.deepInclude(yield* automatic("again"), { created: 27, rejected: 3 })
      const [row] = yield* sql<{ minutes: number }>`
        SELECT extract(epoch FROM sync_at - now())::float8 / 60 AS minutes FROM nexus.integration WHERE user_id = 'again'`
      assert.isTrue(row !== undefined && row.minutes > 9 && row.minutes <= 10)
      fresh()
      yield* sql`UPDATE nexus.integration SET sync_at = now() WHERE user_id = 'again'`
      assert.deepInclude(yield* automatic("again"), { total: 3, contactsSynced: 3, rejected: 0 })
      assert.deepStrictEqual(script.sent, [["ada.401@example.com", "ada.411@example.com", "ada.421@example.com"]])
    })
  )

  it.effect("look at the same contacts whether few have changed or many", () =>
    Effect.gen(function* () {
      fresh()
      const runs = yield* SyncRunRepo
      const records = yield* SyncRecordRepo
      yield* people("same", 30, 601)
      const row = yield* connectAcme("same", { autoSync: true })
      script.upsert = (batch) =>
        Effect.succeed(
          batch.map(({ email }, index) => {
            if (index === 0) return Outcome.Rejected({ reason: "It is locked", retryable: true })
            return index === 1
              ? Outcome.Rejected({ reason: "No", retryable: false })
              : Outcome.Created({ externalId: email })
          })
        )
      yield* automatic("same")
      yield* upsert("same", "ada.605@example.com", "Augusta")
      yield* calm("same")
      const run = yield* runs.begin(row, { trigger: "automatic", isFull: false, isDryRun: false, format: null })
      assert.isDefined(run)
      const emails = (total: number) =>
        Effect.map(records.page({ ...run, total }, null, 100), (page) => page.map(({ email }) => email))
      const few = ["ada.601@example.com", "ada.605@example.com", "ada.611@example.com", "ada.621@example.com"]
      assert.strictEqual(run.total, 4)
      assert.deepStrictEqual(yield* emails(4), few)
      assert.deepStrictEqual(yield* emails(1_000_000), few)
    })
  )

  it.effect("look at all contacts after a restore into another server, and when the settings have changed", () =>
    Effect.gen(function* () {
      fresh()
      const sql = yield* PgClient.PgClient
      yield* people("all", 12, 501)
      yield* connectAcme("all", { autoSync: true })
      yield* automatic("all")
      yield* sql`UPDATE nexus.integration SET synced_to = '9000000000000' WHERE user_id = 'all'`
      yield* upsert("all", "ada.501@example.com", "Augusta")
      assert.deepInclude(yield* automatic("all"), { total: 12 })

      yield* upsert("all", "ada.502@example.com", "Augusta")
      assert.deepInclude(yield* automatic("all"), { total: 1 })
      script.sent.length = 0
      yield* change("all", { fieldMapping: { firstName: "first", company: "note" } })
      assert.deepInclude(yield* automatic("all"), { total: 12, unchanged: 12 })
      assert.strictEqual(script.sent.flat().length, 12)
    })
  )
})
