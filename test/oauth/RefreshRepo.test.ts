import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { StoredCredentials } from "../../src/integrations/StoredCredentials.ts"
import { type ClaimedCredentials, RefreshRepo } from "../../src/oauth/RefreshRepo.ts"
import { integration, TestLayer } from "./RefreshStand.ts"

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("RefreshRepo", (it) => {
  it.effect("takes what comes late while nobody has stored anything else, and nothing after that", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const repo = yield* RefreshRepo
      const stored = yield* StoredCredentials
      const { row, credentials } = yield* integration("slow", "EBB", null)
      const lapse = sql`UPDATE nexus.integration SET refresh_until = now() WHERE id = ${row.id}::uuid`
      const claim = Effect.gen(function* () {
        const claimed = yield* repo.claim(row)
        assert.isDefined(claimed)
        return claimed
      })
      const save = (claimed: ClaimedCredentials, accessToken: string) =>
        Effect.flatMap(stored.seal(row, { accessToken }), (sealed) => repo.save(row, claimed, sealed))
      const first = yield* claim
      assert.isUndefined(yield* repo.claim(row), "one at a time")
      yield* lapse
      const second = yield* claim
      yield* repo.release(row, first.lease)
      assert.isUndefined(yield* repo.claim(row), "the second one still has it")
      assert.isTrue(yield* save(first, "of-the-first"), "the provider may take no other any more")
      assert.isFalse(yield* save(second, "of-the-second"))
      assert.strictEqual((yield* credentials).accessToken, "of-the-first")

      const third = yield* claim
      yield* sql`UPDATE nexus.integration SET credentials = ${yield* stored.seal(row, { accessToken: "of-the-first" })} WHERE id = ${row.id}::uuid`
      assert.isTrue(yield* save(third, "of-the-third"), "sealed anew by a rotation of keys, they are the same")
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
      assert.isFalse(yield* repo.save(row, claimed, row.credentials))
    })
  )
})
