import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { fanOut, lease } from "../support/Claims.ts"
import { DispatchingLayer, emit } from "../support/Dispatching.ts"
import { production, runNexus } from "../support/NexusProcess.ts"
import { takeOutbox } from "../support/Producer.ts"

layer(DispatchingLayer, { excludeTestServices: true, timeout: "60 seconds" })("nexus dead-letters", (it) => {
  it.effect("lists them with their reasons, and puts one or all back", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const environment = yield* production
      const run = (...args: ReadonlyArray<string>) => runNexus(["dead-letters", ...args], environment)
      const none = yield* run("list")
      assert.deepStrictEqual([none.code, none.out], [0, "There are no dead letters.\n"])

      const ids: Array<string> = []
      for (const n of [1, 2, 3]) ids.push(yield* emit(`user-${n}`, "NOT_YET", `{"n": ${n}}`))
      yield* fanOut(yield* lease)
      const listed = (yield* run("list")).out.trim().split("\n")
      assert.strictEqual(listed.length, 6)
      assert.match(listed[0] ?? "", new RegExp(`^${ids[2]}  \\S+  user "user-3"  NOT_YET$`))
      assert.match(listed[1] ?? "", /^ {4}The event type "NOT_YET" is unknown/)
      assert.match((yield* run("list", "--limit", "2")).out, /There are more than 2\.\n$/)

      const one = yield* run("retry", ids[0] ?? "")
      assert.deepStrictEqual([one.code, one.out.split(" went ")[0]], [0, "1"])
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, payload }) => [userId, payload]),
        [["user-1", '{"n": 1}']]
      )
      const again = yield* run("retry", ids[0] ?? "")
      assert.deepStrictEqual(
        [again.code, again.err],
        [1, `There is no dead letter ${ids[0]}; it may have been retried already\n`]
      )
      const rest = yield* run("retry")
      assert.deepStrictEqual([rest.code, rest.out.split(" went ")[0]], [0, "2"])
      assert.strictEqual((yield* takeOutbox).length, 2)
      assert.deepStrictEqual(yield* sql`SELECT FROM nexus.dead_letter`, [])
    })
  )
})
