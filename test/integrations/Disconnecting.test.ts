import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { builtInEmulators, withEmulators } from "../support/Integrating.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const TestLayer = withEmulators(builtInEmulators, (variables) => TestApi.layer(variables))

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("A disconnection", (it) => {
  it.effect("revokes what was connected anew while it was under way, before that goes too", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { server, connect, ask } = yield* userOf("SALESFORCE", "uma")
      const { id } = (yield* connect()).json
      const revoked = () => server.requests.filter(({ path }) => path === "/services/oauth2/revoke").length

      const disconnecting = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT FROM nexus.integration WHERE id = ${id}::uuid FOR UPDATE`
          const fiber = yield* Effect.forkDetach(ask("DELETE"))
          // It has read the old credentials by then, and can't have the row before this transaction ends.
          yield* Effect.sync(revoked).pipe(
            Effect.repeat({ until: (times) => times > 0, schedule: Schedule.spaced("5 millis") })
          )
          yield* sql`UPDATE nexus.integration SET connection = gen_random_uuid() WHERE id = ${id}::uuid`
          return fiber
        })
      )
      assert.deepStrictEqual((yield* Fiber.join(disconnecting)).json, { success: true })
      assert.strictEqual(revoked(), 2)
      assert.strictEqual((yield* ask("GET")).status, 404)
    })
  )
})
