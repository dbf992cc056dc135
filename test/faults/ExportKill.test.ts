import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Random } from "effect"
import { killHard } from "../support/Processes.ts"
import { runOf } from "../sync/Syncing.ts"
import {
  any,
  atLeast,
  beginExport,
  come,
  connectStore,
  fileNow,
  filesOf,
  gone,
  isChunk,
  isLast,
  lapse,
  leftOver,
  manyPeople,
  over,
  StoresLayer,
  stands,
  startExporter,
  stores,
  until
} from "./Exporting.ts"
import { rounds, seeded } from "./Rounds.ts"

layer(StoresLayer, { excludeTestServices: true, timeout: "60 seconds" })("An export of more than 20 MB", (it) => {
  it.effect(
    "makes one file whose contacts are counted, whichever request its process is killed at",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* manyPeople("kim")
        const integrations = {
          GOOGLE_DRIVE: yield* connectStore("kim", "GOOGLE_DRIVE"),
          DROPBOX: yield* connectStore("kim", "DROPBOX")
        }
        const folders: Array<string> = []
        const kills: Array<string> = []
        let files = [yield* fileNow("kim")]
        let victim = yield* startExporter()
        folders.push(victim.tmp)
        const all = yield* rounds(2)
        for (let round = 0; round < all; round++) {
          for (const store of stores) {
            const times = round % 4 === 3 ? 2 : 1
            const kill = Effect.fnUntraced(function* (left: number) {
              const isDone = yield* Random.nextBoolean
              kills.push(`${store} at ${left}${isDone ? " done" : ""}`)
              stands[store].plan({ left, isDone, fits: any, happens: victim.signal("SIGKILL") })
            })
            yield* kill(yield* Random.nextIntBetween(0, 4))
            const run = yield* beginExport(integrations[store])
            files = files.slice(-1)
            for (let killed = 1; killed <= times; killed++) {
              yield* come(store)
              yield* gone(victim.pid)
              if (round % 2 === 1) {
                yield* sql`
                  DELETE FROM nexus.contact WHERE id IN (SELECT id FROM nexus.contact WHERE user_id = 'kim' LIMIT 3)`
                files.push(yield* fileNow("kim"))
              }
              victim = yield* startExporter()
              folders.push(victim.tmp)
              // The first request is the only one that it makes in any case.
              if (killed < times) yield* kill(0)
              yield* lapse("kim")
            }
            const { state, error, created, file } = yield* over("kim", store, run.id)
            assert.deepStrictEqual({ state, error }, { state: "COMPLETED", error: null })
            const there = filesOf(store, run)
            assert.strictEqual(there.length, 1, `files after ${kills.join(", ")}`)
            const expected = files.find(({ sha256 }) => sha256 === there[0]?.sha256)
            assert.isDefined(expected, "it is no file of the contacts that there were")
            assert.strictEqual(file?.checksum, expected.checksums[store])
            assert.strictEqual(created, expected.contacts)
          }
        }
        yield* Effect.logInfo(kills.join("; "))
        assert.deepStrictEqual(yield* leftOver(folders), [])
        const memory = yield* sql`SELECT key FROM nexus.integration_memory WHERE user_id = 'kim'`
        assert.strictEqual(memory.length, 1, "the folder of Google Drive")
      }).pipe(seeded, Effect.scoped),
    { timeout: 900_000 }
  )

  it.effect(
    "counts the contacts of the file that is there, where they changed after it was made",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* manyPeople("lea")
        let victim = yield* startExporter()
        for (const store of yield* atLeast("DROPBOX")) {
          const integration = yield* connectStore("lea", store)
          const before = yield* fileNow("lea")
          stands[store].plan({ left: 0, isDone: true, fits: isLast, happens: victim.signal("SIGKILL") })
          const run = yield* beginExport(integration)
          yield* gone(victim.pid)
          yield* sql`
          DELETE FROM nexus.contact WHERE id IN (SELECT id FROM nexus.contact WHERE user_id = 'lea' LIMIT 500)`
          victim = yield* startExporter()
          yield* lapse("lea")
          const { state, total, created, file } = yield* over("lea", store, run.id)
          assert.deepStrictEqual(
            { state, total, created },
            { state: "COMPLETED", total: before.contacts, created: before.contacts }
          )
          assert.strictEqual(file?.checksum, before.checksums[store])
          assert.strictEqual(filesOf(store, run).length, 1)
        }
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.effect(
    "is handed over by a process that is to end, and leaves nothing on its disk",
    () =>
      Effect.gen(function* () {
        yield* manyPeople("tom")
        for (const store of yield* atLeast("GOOGLE_DRIVE")) {
          const integration = yield* connectStore("tom", store)
          const first = yield* startExporter()
          stands[store].plan({ left: 1, isDone: true, fits: isChunk, happens: first.signal("SIGTERM") })
          const run = yield* beginExport(integration)
          yield* gone(first.pid)
          const second = yield* startExporter()
          const { state, created } = yield* over("tom", store, run.id)
          assert.deepStrictEqual({ state, created }, { state: "COMPLETED", created: 4000 })
          assert.strictEqual(filesOf(store, run).length, 1)
          assert.deepStrictEqual(yield* leftOver([first.tmp, second.tmp]), [])
          yield* killHard(second.pid)
        }
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.effect(
    "makes no second file when a process that stood still comes back",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* manyPeople("ivy")
        const slow = yield* startExporter()
        for (const store of yield* atLeast("DROPBOX")) {
          const integration = yield* connectStore("ivy", store)
          // It has all bytes, and the process that goes on would make the file of them.
          stands[store].plan({ left: 2, isDone: true, fits: isChunk, happens: slow.signal("SIGSTOP") })
          const run = yield* beginExport(integration)
          yield* come(store)
          yield* sql`
          DELETE FROM nexus.contact WHERE id IN (SELECT id FROM nexus.contact WHERE user_id = 'ivy' LIMIT 3)`
          const heir = yield* startExporter()
          yield* lapse("ivy")
          const { state, created } = yield* over("ivy", store, run.id)
          yield* killHard(heir.pid)
          yield* Effect.sync(slow.signal("SIGCONT"))
          // By the time that it has made this one, it is done with the other one.
          const next = yield* beginExport(integration)
          assert.strictEqual((yield* over("ivy", store, next.id)).state, "COMPLETED")
          assert.strictEqual(state, "COMPLETED")
          assert.strictEqual((yield* runOf("ivy", store, run.id)).created, created)
          assert.strictEqual(filesOf(store, run).length, 1)
        }
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.effect(
    "goes on when its access token ends on the way",
    () =>
      Effect.gen(function* () {
        yield* manyPeople("tim")
        const { tmp } = yield* startExporter()
        for (const store of stores) {
          const { oauth } = stands[store].emulator
          const integration = yield* connectStore("tim", store)
          const { refreshes } = oauth.counts()
          stands[store].plan({ left: 1, isDone: false, fits: isChunk, happens: oauth.expire })
          const run = yield* beginExport(integration)
          assert.strictEqual((yield* over("tim", store, run.id)).state, "COMPLETED")
          assert.strictEqual(oauth.counts().refreshes, refreshes + 1)
          assert.strictEqual(filesOf(store, run).length, 1)
        }
        assert.deepStrictEqual(yield* leftOver([tmp]), [])
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.effect(
    "is begun once by two processes that find it due",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* Effect.all([startExporter(), startExporter()], { concurrency: 2 })
        for (const store of stores) yield* connectStore("due", store, { exportEvery: "day" })
        const runs = sql<{ state: string }>`SELECT state FROM nexus.sync_run WHERE user_id = 'due'`
        const isOver = (count: number) => (rows: ReadonlyArray<{ readonly state: string }>) =>
          rows.length >= count && rows.every(({ state }) => state === "COMPLETED")
        for (let round = 1; round <= 3; round++) {
          const rows = yield* until(runs, isOver(2 * round))
          assert.strictEqual(rows.length, 2 * round)
          const due = yield* sql`
          UPDATE nexus.integration SET export_at = now() WHERE user_id = 'due' AND export_at > now() + interval '23 hours'
          RETURNING id`
          assert.strictEqual(due.length, 2)
        }
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )
})
