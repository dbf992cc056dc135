import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { UserId } from "../../src/domain/Ids.ts"
import { StatRepo } from "../../src/webhooks/StatRepo.ts"
import { Usage } from "../../src/webhooks/Usage.ts"
import { createWebhook, PeopleLayer } from "../support/People.ts"

layer(PeopleLayer, { excludeTestServices: true, timeout: "60 seconds" })("Usage", (it) => {
  it.effect("sums the hours of a range", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const usage = yield* Usage
      const stats = yield* StatRepo
      const { webhook } = yield* createWebhook("ann")
      const tally = {
        delivered: 3,
        failed: 1,
        attempts: 5,
        durationSumMillis: 1000,
        within100Millis: 2,
        within500Millis: 4,
        within1Second: 4,
        within5Seconds: 5
      }
      for (const hours of [200, 30, 0]) {
        yield* stats.add(new Map([[webhook.id, tally]]))
        yield* sql`UPDATE nexus.webhook_stat SET hour = hour - ${hours} * interval '1 hour' WHERE hour = date_trunc('hour', now(), 'UTC')`
        if (hours === 0) yield* stats.add(new Map([[webhook.id, tally]]))
      }
      const ann = UserId.make("ann")
      const counts = (times: number) => ({
        delivered: 3 * times,
        failed: times,
        attempts: 5 * times,
        successRate: 0.75,
        averageDurationMs: 200,
        within: { "100ms": 2 * times, "500ms": 4 * times, "1s": 4 * times, "5s": 5 * times }
      })
      for (const [range, times] of [
        ["24h", [2]],
        ["7d", [1, 2]],
        ["30d", [1, 1, 2]]
      ] as const) {
        const of = yield* usage.of(ann, webhook.id, range)
        assert.deepStrictEqual(of.total, counts(times.reduce((sum, each) => sum + each, 0)))
        assert.deepStrictEqual(
          of.hours.map(({ hour: _, ...rest }) => rest),
          times.map(counts)
        )
      }
    })
  )

  it.effect("has no rate and no average of nothing, and nothing for other users", () =>
    Effect.gen(function* () {
      const usage = yield* Usage
      const { webhook } = yield* createWebhook("bob")
      const nothing = yield* usage.of(UserId.make("bob"), webhook.id, "30d")
      assert.deepStrictEqual(nothing.hours, [])
      assert.deepInclude(nothing.total, { delivered: 0, successRate: null, averageDurationMs: null })
      for (const [user, id] of [
        ["eve", webhook.id],
        ["bob", "nonsense"]
      ] as const) {
        assert.strictEqual((yield* Effect.flip(usage.of(UserId.make(user), id, "24h")))._tag, "WebhookNotFound")
      }
    })
  )
})
