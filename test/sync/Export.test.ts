import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { DateTime, Effect, Layer, Schedule } from "effect"
import { rateLimited, unauthorized, unavailable } from "nexus-integrations/plugin"
import { IntegrationPatch } from "../../src/domain/Integration.ts"
import { CallPatience } from "../../src/integrations/CallPatience.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { SyncWorkerLayer } from "../../src/sync/SyncWorker.ts"
import { actor } from "../support/People.ts"
import { connect, exportOf, fileStore, take } from "./FileStore.ts"
import { people, runOf, sync } from "./Syncing.ts"

const { store, begin, layer: StoreLayer } = fileStore()

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
      // Once, and as many times more as any call is made again.
      assert.strictEqual(store.kept.length, 1 + (yield* CallPatience).retries)
      assert.match(waiting.error ?? "", /Store does not work at the moment: out of order/)
      yield* (yield* Syncs).cancel(actor("dan"), "STORE", waiting.id)
      store.put = () => unauthorized("the token is over")
      const refused = yield* Effect.flip(exportOf("dan"))
      assert.strictEqual(refused._tag, "SyncRefused")
      assert.match(refused.message, /Connect again/)
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
