import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus } from "../support/NexusProcess.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus sql", (it) => {
  it.effect("prints rows as JSON lines, and says beside them what it did", () =>
    Effect.gen(function* () {
      const environment = yield* production
      const run = (statement: string) =>
        Effect.map(runNexus(["sql", statement], environment), ({ code, out, err }) => [code, out, err])
      assert.deepStrictEqual(yield* run("CREATE TABLE note (id bigint, some_text text)"), [0, "", "CREATE done\n"])
      assert.deepStrictEqual(yield* run("INSERT INTO note VALUES (9007199254740993, 'a'), (2, 'b')"), [
        0,
        "",
        "2 rows inserted\n"
      ])
      assert.deepStrictEqual(yield* run("UPDATE note SET some_text = 'c' WHERE id = 2 RETURNING id"), [
        0,
        '{"id":"2"}\n',
        "1 row updated\n"
      ])
      assert.deepStrictEqual(yield* run("SELECT * FROM note ORDER BY id DESC"), [
        0,
        '{"id":"9007199254740993","some_text":"a"}\n{"id":"2","some_text":"c"}\n',
        "2 rows\n"
      ])
      assert.deepStrictEqual(yield* run("DELETE FROM note WHERE false"), [0, "", "0 rows deleted\n"])
    })
  )

  it.effect("says what Postgres said when it refuses, and fails", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* runNexus(["sql", "SELECT lenght('x')"], yield* production)
      assert.deepStrictEqual([code, out], [1, ""])
      assert.match(err, /^Postgres refused the statement: function lenght\(unknown\) does not exist\. .+\n$/)
    })
  )
})
