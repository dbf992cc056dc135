import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { people, sync } from "./Syncing.ts"

setFlagsFromString("--expose_gc")
const collect: unknown = runInNewContext("gc")

/** Bytes that are in use after everything unused is gone. */
const inUse = Effect.sync(() => {
  assert.isFunction(collect)
  if (typeof collect === "function") collect()
  return process.memoryUsage().heapUsed
})

const n = 20_000
const megabyte = 1024 * 1024
const { script, layer: TestLayer } = scripted(500)

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("the memory of a sync", (it) => {
  it.effect("holds a page and a batch, not all contacts", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* people("large", n)
      // 160 MB of them, in Node two bytes for each of these characters.
      yield* sql`
        UPDATE nexus.contact SET custom_fields = jsonb_build_object('note', repeat('Ω', 4000)) WHERE user_id = 'large'`
      yield* connectAcme("large", { fieldMapping: { firstName: "first", "customFields.note": "note" } })
      const before = yield* inUse
      let most = 0
      script.upsert = (batch) =>
        Effect.map(inUse, (now) => {
          most = Math.max(most, now - before)
          assert.strictEqual(String(batch[0]?.fields.note).length, 4000)
          return honest(script, batch)
        })
      assert.deepInclude(yield* sync("large", "ACME"), { state: "COMPLETED", created: n })
      assert.isBelow(most / megabyte, 64)
    })
  )
})
