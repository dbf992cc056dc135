import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { failed, fanOut, finish, lease } from "../support/Claims.ts"
import { DispatchingLayer, emit, subscribe } from "../support/Dispatching.ts"
import { production, runNexus } from "../support/NexusProcess.ts"

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("nexus deliveries retry", (it) => {
  it.effect("makes a failed delivery due again, and only one of that user's", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const environment = yield* production
      const dispatcher = yield* lease
      const webhook = yield* subscribe("user-1", "https://example.com/hook")
      yield* emit("user-1", "CARD_VIEW", "{}")
      const claims = yield* fanOut(dispatcher)
      yield* finish(dispatcher, claims, failed)
      const delivery = claims[0]?.deliveryId ?? ""
      const retry = (user: string) =>
        runNexus(["deliveries", "retry", webhook.id, delivery, "--user", user], environment)

      const stranger = yield* retry("user-2")
      assert.deepStrictEqual([stranger.code, stranger.err], [1, `There is no webhook ${webhook.id}\n`])
      assert.deepStrictEqual(yield* sql`SELECT id FROM nexus.delivery`, [])

      const own = yield* retry("user-1")
      assert.deepStrictEqual([own.code, own.out, own.err], [0, "It is attempted again now.\n", ""])
      const due = yield* sql`SELECT id FROM nexus.delivery WHERE next_attempt_at <= now()`
      assert.deepStrictEqual(due, [{ id: delivery }])
    })
  )
})
