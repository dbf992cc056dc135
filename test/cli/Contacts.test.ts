import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus } from "../support/NexusProcess.ts"
import { takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

const fileOf = Effect.fnUntraced(function* (text: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempFileScoped({ suffix: ".csv" })
  yield* fs.writeFileString(path, text)
  return path
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus contacts", (it) => {
  it.effect(
    "imports a file and exports it again, to a file or to the standard output, with no bar where there is no terminal",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const sql = yield* PgClient.PgClient
        const environment = yield* production
        const nexus = (...args: ReadonlyArray<string>) =>
          runNexus(["contacts", ...args, "--user", "user-1"], environment)
        const file = yield* fileOf("email,First Name\na@x.co,Ann\nnope,Bob\n")

        const dry = yield* nexus("import", file, "--dry-run")
        assert.deepStrictEqual(
          [dry.code, dry.out, dry.err],
          [
            0,
            "Nothing was written. It would be: 1 created, 0 updated, 0 unchanged, 1 left out\n",
            "line 3, email: Expected an email address, for example john@example.com\n"
          ]
        )
        assert.deepStrictEqual(yield* sql`SELECT FROM nexus.contact`, [])

        const real = yield* nexus("import", file, "--emit")
        assert.deepStrictEqual([real.code, real.out], [0, "1 created, 0 updated, 0 unchanged, 1 left out\n"])
        assert.deepStrictEqual(
          (yield* takeOutbox).map(({ userId, payload }) => [userId, JSON.parse(payload).email]),
          [["user-1", "a@x.co"]]
        )

        const out = yield* fileOf("")
        const [toFile, toOutput] = [yield* nexus("export", "--out", out), yield* nexus("export")]
        assert.deepStrictEqual([toFile.code, toFile.out, toFile.err, toOutput.code, toOutput.err], [0, "", "", 0, ""])
        assert.match(toOutput.out, /^id,email,.*\r\n[0-9a-f-]{36},a@x\.co,Ann,.*\r\n$/s)
        assert.strictEqual(yield* fs.readFileString(out), toOutput.out)
      }).pipe(Effect.scoped)
  )

  it.effect("says in a sentence what is wrong with a file", () =>
    Effect.gen(function* () {
      const environment = yield* production
      const refused = (file: string) =>
        Effect.map(runNexus(["contacts", "import", file, "--user", "user-1"], environment), ({ code, err }) => {
          assert.strictEqual(code, 1)
          assert.notMatch(err, /\n\s+at /)
          return err
        })
      assert.match(yield* refused(yield* fileOf("name\nx\n")), /^Line 1 of the file: .*"name".*Nothing was imported\n$/)
      assert.match(yield* refused(yield* fileOf("")), /^The file: it is empty\. Nothing was imported\n$/)
      assert.strictEqual(yield* refused("/nowhere/contacts.csv"), "There is no /nowhere/contacts.csv\n")
    }).pipe(Effect.scoped)
  )
})
