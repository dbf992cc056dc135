import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { OAuthAttemptId, ProviderId, UserId } from "../../src/domain/Ids.ts"
import { SessionRepo } from "../../src/http/SessionRepo.ts"
import { sweep } from "../../src/http/Sweep.ts"
import { OAuthFlows } from "../../src/oauth/OAuthFlows.ts"
import { OAuthStateRepo } from "../../src/oauth/OAuthStateRepo.ts"
import { IntegratingLayer } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"

const id = (n: number) => OAuthAttemptId.make(`00000000-0000-7000-8000-${String(n).padStart(12, "0")}`)

const insert = Effect.fnUntraced(function* (userId: string, n: number) {
  const repo = yield* OAuthStateRepo
  const stateHash = String(n).padStart(64, "0")
  yield* repo.insert(actor(userId), {
    id: id(n),
    provider: ProviderId.make("ACME"),
    slug: "acme",
    stateHash,
    browserHash: "0".repeat(64),
    redirectUri: "https://example.com/",
    returnUrl: null,
    settings: { colour: "red" },
    verifier: null
  })
  const row = yield* repo.find(stateHash)
  return row ?? assert.fail("It is not there")
})

layer(SessionRepo.layer.pipe(Layer.provideMerge(IntegratingLayer)), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("OAuthStateRepo", (it) => {
  it.effect("lets one of many use a state", () =>
    Effect.gen(function* () {
      const repo = yield* OAuthStateRepo
      const row = yield* insert("ann", 1)
      assert.deepInclude(row, {
        userId: UserId.make("ann"),
        settings: { colour: "red" },
        isExpired: false,
        isUsed: false
      })
      const used = yield* Effect.all(
        Array.from({ length: 30 }, () => repo.use(row)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(used.filter((mine) => mine).length, 1)
      assert.isUndefined(yield* repo.attempt(UserId.make("bob"), id(1)))
    })
  )

  it.effect("keeps the newest hundred of each user", () =>
    Effect.gen(function* () {
      const repo = yield* OAuthStateRepo
      yield* insert("moderate", 1000)
      for (let n = 1001; n <= 1102; n++) yield* insert("greedy", n)
      const isThere = (n: number) => Effect.map(repo.find(String(n).padStart(64, "0")), (row) => row !== undefined)
      assert.deepStrictEqual(yield* Effect.forEach([1000, 1001, 1002, 1003, 1102], isThere), [
        true,
        false,
        false,
        true,
        true
      ])
    })
  )

  it.effect("lets nobody use one that is over", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const repo = yield* OAuthStateRepo
      const row = yield* insert("ann", 2)
      yield* sql`UPDATE nexus.oauth_state SET expires_at = now() WHERE id = ${id(2)}::uuid`
      assert.isFalse(yield* repo.use(row))
    })
  )

  it.effect("says of an attempt whose process died that it broke off", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const flows = yield* OAuthFlows
      const repo = yield* OAuthStateRepo
      assert.isTrue(yield* repo.use(yield* insert("ann", 3)))
      assert.deepInclude(yield* flows.attempt(UserId.make("ann"), id(3)), { outcome: "PENDING", message: null })
      yield* sql`UPDATE nexus.oauth_state SET used_at = now() - interval '6 minutes' WHERE id = ${id(3)}::uuid`
      assert.deepInclude(yield* flows.attempt(UserId.make("ann"), id(3)), { outcome: "unavailable" })
    })
  )

  it.effect("forgets attempts after a day, and sessions when they are over", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const repo = yield* OAuthStateRepo
      const sessions = yield* SessionRepo
      const ann = UserId.make("ann")
      yield* insert("ann", 4)
      yield* insert("ann", 5)
      yield* sql`UPDATE nexus.oauth_state SET created_at = now() - interval '25 hours' WHERE id = ${id(4)}::uuid`
      yield* sql`UPDATE nexus.oauth_state SET created_at = now() - interval '23 hours' WHERE id = ${id(5)}::uuid`
      yield* sessions.insert(actor("ann"), "", "1".repeat(64), -1)
      yield* sessions.insert(actor("ann"), "", "2".repeat(64), 60)
      yield* sweep
      assert.isUndefined(yield* repo.attempt(ann, id(4)))
      assert.isDefined(yield* repo.attempt(ann, id(5)))
      const left = yield* sql<{ hash: string }>`SELECT token_hash AS hash FROM nexus.session WHERE user_id = 'ann'`
      assert.deepStrictEqual(left, [{ hash: "2".repeat(64) }])
    })
  )
})
