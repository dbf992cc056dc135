import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule } from "effect"
import { NewIntegration } from "../../src/domain/Integration.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { StoredCredentials } from "../../src/integrations/StoredCredentials.ts"
import { Emulators } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"

import { integration, TestLayer } from "./RefreshStand.ts"

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("A grant", (it) => {
  it.effect("from elsewhere whose token is over is renewed when it is connected", () =>
    Effect.gen(function* () {
      const { oauth, credentials, row } = yield* integration("mia", "TIDE", null)
      const posted = { ...oauth.give(["sea"]), expiresAt: "2020-01-01T00:00:00Z" }
      oauth.expire()
      const integrations = yield* Integrations
      yield* integrations.connect(actor("mia"), new NewIntegration({ provider: "TIDE", credentials: posted }))
      const { accessToken, expiresAt } = yield* credentials
      assert.notStrictEqual(accessToken, posted.accessToken)
      assert.notStrictEqual(expiresAt, posted.expiresAt)
      assert.strictEqual((yield* (yield* IntegrationRepo).byId(row.id))?.status, "ACTIVE")
      oauth.revoke(posted.refreshToken)
      const refused = yield* Effect.flip(
        integrations.connect(actor("mia"), new NewIntegration({ provider: "TIDE", credentials: posted }))
      )
      assert.strictEqual(refused._tag, "CredentialsRefused")
    })
  )

  it.effect("ends with its integration", () =>
    Effect.gen(function* () {
      const { oauth, refused, row } = yield* integration("ned", "EBB", -30)
      const integrations = yield* Integrations
      yield* integrations.disconnect(actor("ned"), "EBB")
      assert.isFalse(oauth.revoke(refused), "it is revoked")
      assert.isUndefined(yield* (yield* IntegrationRepo).byId(row.id))
    })
  )

  it.effect("that was renewed while it was being ended is ended as it is now", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const stored = yield* StoredCredentials
      const { oauth, row, server } = yield* integration("nat", "EBB", null)
      const integrations = yield* Integrations
      const newer = oauth.give(["sea"])
      const sealed = yield* stored.seal(row, newer)
      const begin = yield* Deferred.make<void>()
      const ending = yield* Effect.forkChild(
        Effect.andThen(Deferred.await(begin), integrations.disconnect(actor("nat"), "EBB"))
      )
      const revocations = () => server.requests.filter(({ path }) => path === "/revoke").length
      const before = revocations()
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT FROM nexus.integration WHERE id = ${row.id}::uuid FOR UPDATE`
          yield* Deferred.succeed(begin, undefined)
          yield* Effect.sync(revocations).pipe(
            Effect.repeat({ until: (times) => times > before, schedule: Schedule.spaced("5 millis") })
          )
          yield* sql`UPDATE nexus.integration SET credentials = ${sealed} WHERE id = ${row.id}::uuid`
        })
      )
      yield* Fiber.join(ending)
      assert.strictEqual(revocations(), before + 2)
      assert.isFalse(oauth.revoke(newer.accessToken), "it is revoked")
      assert.isUndefined(yield* (yield* IntegrationRepo).byId(row.id))
    })
  )

  it.effect("that another integration shares lives on until that ends too", () =>
    Effect.gen(function* () {
      yield* (yield* PgClient.PgClient)`DELETE FROM nexus.integration`
      const { emulator } = (yield* Emulators).of("TIDE")
      const one = yield* integration("oda", "TIDE", null)
      const other = yield* integration("ole", "TIDE", null)
      const integrations = yield* Integrations
      const before = emulator.revocations()
      yield* integrations.disconnect(actor("oda"), "TIDE")
      assert.strictEqual(emulator.revocations(), before)
      yield* other.verify
      yield* integrations.disconnect(actor("ole"), "TIDE")
      assert.strictEqual(emulator.revocations(), before + 1)
      assert.isTrue(one.oauth.revoke(one.refused), "the emulator takes each for a grant of its own")
    })
  )
})
