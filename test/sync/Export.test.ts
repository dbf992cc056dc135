import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { DateTime, Effect, Layer, Schedule } from "effect"
import { rateLimited, unauthorized, unavailable } from "nexus-integrations/plugin"
import { IntegrationPatch, NewIntegration, type Settings } from "../../src/domain/Integration.ts"
import { NewExport } from "../../src/domain/Sync.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { SyncWorkerLayer } from "../../src/sync/SyncWorker.ts"
import { actor } from "../support/People.ts"
import { fileStore, take } from "./FileStore.ts"
import { anotherEngine, people, runOf, sync } from "./Syncing.ts"

const { store, layer: StoreLayer } = fileStore()

const connect = Effect.fnUntraced(function* (userId: string, settings: Settings = {}) {
  const integrations = yield* Integrations
  const credentials = { account: userId }
  return yield* integrations.connect(actor(userId), new NewIntegration({ provider: "STORE", credentials, settings }))
})

const exportOf = Effect.fnUntraced(function* (userId: string, how: NewExport = {}) {
  return yield* (yield* Syncs).export(actor(userId), "STORE", new NewExport(how))
})

const begin = () => {
  store.files.length = 0
  store.kept.length = 0
  store.put = (file) => take(store, file)
}

layer(StoreLayer, { excludeTestServices: true, timeout: "60 seconds" })("An export", (it) => {
  it.effect("makes a CSV file of all contacts, and is a run in the history", () =>
    Effect.gen(function* () {
      begin()
      yield* people("ann", 1200)
      yield* connect("ann")
      const run = yield* exportOf("ann")
      assert.deepInclude(run, { state: "COMPLETED", message: "Store export completed", format: "csv" })
      assert.deepInclude(run, { total: 1200, created: 1200, contactsSynced: 1200 })
      const [file] = store.files
      assert.isDefined(file)
      assert.match(file.name, /^contacts-export-\d{8}T\d{6}Z\.csv$/)
      assert.strictEqual(file.mimeType, "text/csv")
      const { text, mimeType: _, ...stored } = file
      assert.deepEqual({ ...run.file }, stored)
      const rows: Array<Record<string, string>> = parse(text, { columns: true })
      assert.strictEqual(rows.length, 1200)
      assert.strictEqual(new Set(rows.map(({ email }) => email)).size, 1200)
      assert.deepEqual(yield* runOf("ann", "STORE"), yield* runOf("ann", "STORE", run.id))
    })
  )

  it.effect("is what a sync of a provider of files does, and JSON on request", () =>
    Effect.gen(function* () {
      begin()
      yield* people("bea", 3)
      yield* connect("bea")
      assert.deepInclude(yield* sync("bea", "STORE"), { message: "Store sync completed", contactsSynced: 3 })
      const run = yield* exportOf("bea", { format: "json" })
      assert.deepInclude(run, { format: "json", created: 3 })
      const file = store.files[1]
      assert.match(file?.name ?? "", /\.json$/)
      assert.deepEqual(
        JSON.parse(file?.text ?? "").map(({ email }: { email: string }) => email),
        ["ada.1@example.com", "ada.2@example.com", "ada.3@example.com"]
      )
      const dry = yield* sync("bea", "STORE", { dryRun: true })
      assert.deepInclude(dry, { message: "Store dry run completed", created: 3, file: null })
      assert.strictEqual(store.files.length, 2)
    })
  )

  it.effect("has no cell that a spreadsheet runs, and leaves numbers and telephone numbers readable", () =>
    Effect.gen(function* () {
      begin()
      const sql = yield* PgClient.PgClient
      const hostile = [
        "=1+2",
        "+cmd|'/C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "'=1"
      ]
      const readable = ["+1 555-0100", "-12.5", "(020) 7946 0000", "plain", 'quo"ted, with; all\r\nof it']
      for (const [n, company] of [...hostile, ...readable].entries()) {
        yield* sql`
          INSERT INTO nexus.contact (user_id, email, company) VALUES ('mal', ${`c${n}@example.com`}, ${company})`
      }
      yield* connect("mal")
      yield* exportOf("mal")
      const text = store.files[0]?.text ?? ""
      const rows: Array<Record<string, string>> = parse(text, { columns: true })
      assert.deepStrictEqual(
        rows.map(({ company }) => company),
        [...hostile.map((cell) => `'${cell}`), ...readable]
      )
      // RFC 4180: every line ends with CRLF, and a cell with a break in it is in quotes.
      assert.notMatch(text.replace(/"(?:[^"]|"")*"/g, ""), /(?<!\r)\n|\r(?!\n)/)
      assert.match(text, /\r\n$/)
    })
  )

  it.effect("of nobody is a header alone, and an empty list", () =>
    Effect.gen(function* () {
      begin()
      yield* connect("nobody")
      assert.deepInclude(yield* exportOf("nobody"), { total: 0, created: 0 })
      yield* exportOf("nobody", { format: "json" })
      assert.match(store.files[0]?.text ?? "", /^[^\r\n]+\r\n$/)
      assert.deepEqual(JSON.parse(store.files[1]?.text ?? ""), [])
    })
  )

  it.effect("goes on where it was kept, as often as it gets on", () =>
    Effect.gen(function* () {
      begin()
      yield* people("cut", 200)
      yield* connect("cut")
      let at = 0
      store.put = (file, { keep }) =>
        Effect.gen(function* () {
          yield* keep(`at ${at}`)
          yield* file.read({ from: at, length: 100 })
          at += 100
          if (at < file.size) return yield* unavailable("cut")
          return yield* take(store, file)
        })
      const run = yield* exportOf("cut")
      assert.strictEqual(run.state, "COMPLETED")
      assert.isAbove(store.kept.length, 50)
      assert.deepEqual(store.kept.slice(0, 3), [null, "at 0", "at 100"])
      assert.strictEqual(store.files.length, 1)
    })
  )

  it.effect("goes on with what was kept when it was told to wait a moment", () =>
    Effect.gen(function* () {
      begin()
      yield* people("slow", 2)
      yield* connect("slow")
      store.put = (file, { kept, keep }) =>
        kept === null
          ? Effect.andThen(
              keep("an id"),
              Effect.flatMap(DateTime.now, (now) => rateLimited("slower", now))
            )
          : take(store, file)
      assert.strictEqual((yield* exportOf("slow")).state, "COMPLETED")
      assert.deepEqual(store.kept, [null, "an id"])
    })
  )

  it.effect("that does not get on is put off, and fails at once when its user has to do something", () =>
    Effect.gen(function* () {
      begin()
      yield* people("dan", 2)
      yield* connect("dan")
      store.put = () => unavailable("out of order")
      const waiting = yield* exportOf("dan")
      assert.deepInclude(waiting, { state: "WAITING", errorKind: "Unavailable" })
      assert.match(waiting.error ?? "", /Store does not work at the moment: out of order/)
      yield* (yield* Syncs).cancel(actor("dan"), "STORE", waiting.id)
      store.put = () => unauthorized("the token is over")
      const refused = yield* Effect.flip(exportOf("dan"))
      assert.strictEqual(refused._tag, "SyncRefused")
      assert.match(refused.message, /Connect again/)
    })
  )

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

  it.effect("by schedule is made at once, and then when its time has come", () =>
    Effect.gen(function* () {
      begin()
      const sql = yield* PgClient.PgClient
      yield* people("sam", 4)
      yield* connect("sam", { exportEvery: "week", exportFormat: "json" })
      yield* Layer.build(SyncWorkerLayer)
      const files = (count: number) =>
        Effect.sync(() => store.files.length).pipe(
          Effect.repeat({ until: (there) => there >= count, schedule: Schedule.spaced("10 millis") })
        )
      yield* files(1)
      assert.match(store.files[0]?.name ?? "", /\.json$/)
      const dueIn = sql<{ days: number }>`
        SELECT extract(epoch FROM export_at - now())::float8 / 86400 AS days FROM nexus.integration WHERE user_id = 'sam'`
      const [{ days } = { days: 0 }] = yield* dueIn
      assert.approximately(days, 7, 0.01)
      yield* sql`UPDATE nexus.integration SET export_at = now() WHERE user_id = 'sam'`
      yield* files(2)
      assert.deepInclude(yield* runOf("sam", "STORE"), { trigger: "automatic", format: "json" })
      yield* (yield* Integrations).update(
        actor("sam"),
        "STORE",
        new IntegrationPatch({ settings: { exportEvery: null } })
      )
      const after: ReadonlyArray<unknown> = yield* dueIn
      assert.deepEqual(after, [{ days: null }])
    }).pipe(Effect.scoped)
  )

  it.effect("has nothing to map, and says why", () =>
    Effect.gen(function* () {
      yield* connect("mia")
      const { reason } = yield* Effect.flip((yield* Integrations).fields(actor("mia").userId, "STORE")).pipe(
        Effect.filterOrFail((error) => error._tag === "NotSupported")
      )
      assert.strictEqual(
        reason,
        "Store takes all contacts as one file, which has every field, so there is nothing to map"
      )
    })
  )

  it.effect("refuses settings of contacts, and says so of a provider that has no files", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(connect("zoe", { autoSync: true, exportEvery: "minute" }))
      assert.strictEqual(refused._tag, "InvalidIntegration")
      assert.match(refused.message, /settings\.exportEvery: Expected .*settings\.autoSync: Store takes no contacts/s)
    })
  )
})
