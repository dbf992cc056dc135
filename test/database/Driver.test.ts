import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { TestDatabase } from "../support/Database.ts"

layer(TestDatabase.layerEmpty, { excludeTestServices: true })("Driver", (it) => {
  it.effect("decodes int8 as bigint", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`SELECT 9007199254740993::int8 AS big_number`
      assert.deepStrictEqual(rows, [{ bigNumber: 9007199254740993n }])
    })
  )
})
