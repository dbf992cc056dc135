import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ContactImport } from "../../src/contacts/ContactImport.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { ContactsLayer, importText } from "../support/ContactsLayer.ts"
import { actor, audited } from "../support/People.ts"

const count = Effect.fnUntraced(function* (user: string) {
  return yield* (yield* ContactExport).count(UserId.make(user))
})

layer(ContactsLayer, { excludeTestServices: true, timeout: "120 seconds" })("An import", (it) => {
  it.effect("takes 50,000 rows in bounded memory, and exports them so, too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* fs.makeTempFileScoped()
      const filler = "x".repeat(700)
      const rows = Stream.range(1, 50_000).pipe(
        Stream.map((n) => `p${n}@example.com,First ${n},"${filler}"\n`),
        Stream.grouped(1000),
        Stream.map((lines) => lines.join(""))
      )
      yield* Stream.concat(Stream.succeed("email,firstName,custom.note\n"), rows).pipe(
        Stream.encodeText,
        Stream.run(fs.sink(path))
      )
      let peak = 0
      const before = process.memoryUsage().rss
      const watch = () => {
        peak = Math.max(peak, process.memoryUsage().rss - before)
      }
      const seen: Array<number> = []
      const result = yield* (yield* ContactImport).run(actor("big"), path, {
        emit: false,
        dryRun: false,
        onProgress: (rows) =>
          Effect.sync(() => {
            seen.push(rows)
            watch()
          })
      })
      assert.deepInclude(result, { created: 50_000, rejected: 0 })
      assert.deepStrictEqual([seen.length, seen[0], seen.at(-1)], [100, 500, 50_000])
      let size = 0
      yield* (yield* ContactExport).csv(UserId.make("big")).pipe(
        Stream.runForEach((text) =>
          Effect.sync(() => {
            size += text.length
            watch()
          })
        )
      )
      assert.isAbove(size, 35_000_000)
      // The file has 36 MB, as texts and objects several times that.
      assert.isBelow(peak, 250_000_000)
    }).pipe(Effect.scoped)
  )

  it.effect("counts every row that does not fit, and lists a thousand", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 1500 }, (_, index) => `nobody ${index},${"1".repeat(65)}`)
      const result = yield* importText("rea", ["email,phone", ...rows, "fine@x.co,1"].join("\n"))
      assert.deepInclude(result, { created: 1, rejected: 1500 })
      assert.strictEqual(result.errors.length, 1000)
      assert.deepStrictEqual(
        result.errors.slice(0, 3).map(({ line, column }) => [line, column]),
        [
          [2, "email"],
          [2, "phone"],
          [3, "email"]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("leaves what empty cells stand for, and what the file has no column for", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* importText("lea", "email,firstName,phone,tags,custom.a,custom.b\nl@x.co,Lea,1,x;y,1,keep\n")
      yield* importText("lea", "email,phone,tags,custom.a\nL@x.co,,,2\n")
      assert.deepStrictEqual(
        yield* sql`SELECT email, first_name, phone, tags, custom_fields FROM nexus.contact WHERE user_id = 'lea'`,
        [{ email: "L@x.co", firstName: "Lea", phone: "1", tags: ["x", "y"], customFields: { a: 2, b: "keep" } }]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("writes nothing when the database fails at its end", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`ALTER TABLE nexus.contact ADD CONSTRAINT planted CHECK (email <> 'p1400@x.co')`
      const rows = Array.from({ length: 1500 }, (_, index) => `p${index}@x.co`)
      const exit = yield* Effect.exit(importText("dan", ["email", ...rows].join("\n"), { emit: true }))
      yield* sql`ALTER TABLE nexus.contact DROP CONSTRAINT planted`
      assert.strictEqual(exit._tag, "Failure")
      assert.strictEqual(yield* count("dan"), 0)
      assert.deepStrictEqual(yield* sql`SELECT FROM nexus.outbox`, [])
    }).pipe(Effect.scoped)
  )

  it.effect("of one file by several at once makes each contact once, with one event", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = Array.from({ length: 700 }, (_, index) => `p${index}@x.co`)
      const files = [rows, rows.toReversed(), rows, rows.toReversed()].map((rows) => ["email", ...rows].join("\n"))
      const results = yield* Effect.forEach(files, (file) => importText("con", file, { emit: true }), {
        concurrency: "unbounded"
      })
      assert.strictEqual(
        results.reduce((sum, { created }) => sum + created, 0),
        700
      )
      const [events] = yield* sql<{
        count: number
      }>`SELECT count(*)::int AS count FROM nexus.outbox WHERE user_id = 'con'`
      assert.deepStrictEqual([yield* count("con"), events?.count], [700, 700])
    }).pipe(Effect.scoped)
  )

  it.effect("is in the audit log as counts", () =>
    Effect.gen(function* () {
      yield* importText("aud", "email\na@x.co\nnope\n")
      const entries = (yield* audited("contacts")).filter(({ userId }) => userId === "aud")
      assert.deepStrictEqual(
        entries.map(({ action, detail }) => [action, detail]),
        [["contacts.imported", { created: 1, updated: 0, unchanged: 0, rejected: 1 }]]
      )
    }).pipe(Effect.scoped)
  )
})
