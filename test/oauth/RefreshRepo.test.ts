import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { StoredCredentials } from "../../src/integrations/StoredCredentials.ts"
import { RefreshRepo } from "../../src/oauth/RefreshRepo.ts"
import { integration, TestLayer } from "./RefreshStand.ts"

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("RefreshRepo", (it) => {
  it.effect("takes nothing from one whose time was over before its answer came", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const repo = yield* RefreshRepo
      const stored = yield* StoredCredentials
      const { row, credentials } = yield* integration("slow", "EBB", null)
      const save = (lease: string, accessToken: string) =>
        Effect.flatMap(stored.seal(row, { accessToken }), (sealed) => repo.save(row, lease, sealed))
      const first = yield* repo.claim(row)
      assert.isDefined(first)
      assert.isUndefined(yield* repo.claim(row), "one at a time")
      yield* sql`UPDATE nexus.integration SET refresh_until = now() WHERE id = ${row.id}::uuid`
      const second = yield* repo.claim(row)
      assert.isDefined(second)
      assert.isFalse(yield* save(first.lease, "of-the-first"))
      yield* repo.release(row, first.lease)
      assert.isUndefined(yield* repo.claim(row), "the second one still has it")
      assert.isTrue(yield* save(second.lease, "of-the-second"))
      assert.strictEqual((yield* credentials).accessToken, "of-the-second")
    })
  )

  it.effect("takes nothing for credentials that are no longer the ones that were renewed", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const repo = yield* RefreshRepo
      const { row } = yield* integration("renewed", "EBB", null)
      const claimed = yield* repo.claim(row)
      assert.isDefined(claimed)
      yield* sql`UPDATE nexus.integration SET connection = gen_random_uuid() WHERE id = ${row.id}::uuid`
      assert.isFalse(yield* repo.save(row, claimed.lease, row.credentials))
    })
  )
})
