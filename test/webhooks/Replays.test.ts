import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, Latch, Layer, Schedule } from "effect"
import { UserId } from "../../src/domain/Ids.ts"
import { NewReplay, type ReplayId } from "../../src/domain/Replay.ts"
import { Deliveries } from "../../src/webhooks/Deliveries.ts"
import { ReplayRepo } from "../../src/webhooks/ReplayRepo.ts"
import { Replays } from "../../src/webhooks/Replays.ts"
import { ReplayWorkerLayer } from "../../src/webhooks/ReplayWorker.ts"
import { claimDue, delivered, failed, fanOut, finish, lease } from "../support/Claims.ts"
import { emit } from "../support/Dispatching.ts"
import { actor, audited, createWebhook, PeopleLayer } from "../support/People.ts"

const hourAgo = Effect.map(DateTime.now, DateTime.subtract({ hours: 1 }))

const begin = Effect.fnUntraced(function* (
  userId: string,
  webhookId: string,
  kind: "failed" | "missed",
  dryRun = false
) {
  const replays = yield* Replays
  return yield* replays.start(actor(userId), webhookId, new NewReplay({ kind, since: yield* hourAgo, dryRun }))
})

/** Takes steps until no replay runs, as a worker does. */
const work = Effect.gen(function* () {
  const repo = yield* ReplayRepo
  let last: ReplayId | undefined
  do last = yield* repo.step(last ?? null)
  while (last !== undefined)
})

const openOf = Effect.fnUntraced(function* (webhookId: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql<{
    id: string
    eventId: string
    attemptCount: number
    attemptsBefore: number
    maxAttempts: number
    isManual: boolean
  }>`
    SELECT id, event_id, attempt_count, attempts_before, max_attempts, is_manual FROM nexus.delivery
    WHERE webhook_id = ${webhookId}::uuid ORDER BY id`
})

/** `count` events in the outbox, in one statement. */
const emitMany = Effect.fnUntraced(function* (userId: string, count: number) {
  const sql = yield* PgClient.PgClient
  yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload) SELECT ${userId}, 'CARD_VIEW', '{}' FROM generate_series(1, ${count})`
})

layer(PeopleLayer, { excludeTestServices: true, timeout: "60 seconds" })("Replays", (it) => {
  it.effect("delivers anew what failed or expired, as a round with all its attempts, and nothing else", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook } = yield* createWebhook("failed", { maxAttempts: 7 })
      const { webhook: other } = yield* createWebhook("failed")
      for (let index = 0; index < 5; index++) yield* emit("failed", "CARD_VIEW", "{}")
      const dispatcher = yield* lease
      const claims = yield* fanOut(dispatcher)
      const mine = claims.filter(({ webhookId }) => webhookId === webhook.id)
      yield* finish(
        dispatcher,
        claims.filter(({ webhookId }) => webhookId === other.id),
        failed
      )
      yield* finish(dispatcher, mine.slice(0, 3), failed)
      yield* finish(dispatcher, mine.slice(3, 4), delivered)
      const [one, two, three] = mine
      // Delivered later, by hand; and one whose event is no longer kept.
      const deliveries = yield* Deliveries
      yield* deliveries.retry(UserId.make("failed"), webhook.id, two?.deliveryId ?? "")
      yield* finish(dispatcher, yield* claimDue(dispatcher), delivered)
      yield* sql`DELETE FROM nexus.event WHERE id = ${three?.eventId}::uuid`

      assert.deepInclude(yield* begin("failed", webhook.id, "failed", true), {
        id: null,
        state: "DRY_RUN",
        total: 1,
        done: 0
      })
      const replay = yield* begin("failed", webhook.id, "failed")
      assert.deepInclude(replay, { state: "RUNNING", total: 1, done: 0, kind: "failed" })
      yield* work
      const again = (yield* openOf(webhook.id)).filter(({ id }) => id !== mine[4]?.deliveryId)
      assert.deepStrictEqual(again, [
        {
          id: String(one?.deliveryId),
          eventId: String(one?.eventId),
          attemptCount: 1,
          attemptsBefore: 1,
          maxAttempts: 7,
          isManual: false
        }
      ])
      assert.deepStrictEqual(yield* openOf(other.id), [])
      const replays = yield* Replays
      assert.deepInclude(yield* replays.get(UserId.make("failed"), webhook.id, replay.id ?? ""), {
        state: "COMPLETED",
        total: 1,
        done: 1
      })
      assert.deepStrictEqual((yield* audited(webhook.id)).at(-1), {
        userId: "failed",
        actor: "failed",
        action: "webhook.replay_started",
        detail: { replay: replay.id, kind: "failed", total: 1 },
        address: "192.0.2.7"
      })
    })
  )

  it.effect("delivers what a webhook missed: what it wants and never had, tests of others aside", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook: early } = yield* createWebhook("missed")
      for (const type of ["CARD_VIEW", "LINK_CLICK", "CONTACT_CREATED"]) yield* emit("missed", type, "{}")
      yield* sql`INSERT INTO nexus.outbox (user_id, event_type, payload, is_system) VALUES ('missed', 'WEBHOOK_DISABLED', '{}', true)`
      yield* emit("stranger", "CARD_VIEW", "{}")
      const dispatcher = yield* lease
      const events = yield* fanOut(dispatcher)
      yield* finish(dispatcher, events.slice(0, 1), delivered)
      const deliveries = yield* Deliveries
      yield* deliveries.sendTest(UserId.make("missed"), early.id, "CARD_VIEW")

      const { webhook: all } = yield* createWebhook("missed")
      const { webhook: some } = yield* createWebhook("missed", { events: ["LINK_CLICK", "WEBHOOK_DISABLED"] })
      assert.deepInclude(yield* begin("missed", early.id, "missed", true), { total: 0 })
      assert.deepInclude(yield* begin("missed", all.id, "missed"), { total: 3 })
      assert.deepInclude(yield* begin("missed", some.id, "missed"), { total: 2 })
      yield* begin("missed", early.id, "missed")
      yield* work
      assert.deepStrictEqual(
        (yield* openOf(all.id)).map(({ eventId }) => eventId),
        events.map(({ eventId }) => String(eventId))
      )
      assert.strictEqual((yield* openOf(some.id)).length, 2)
      assert.strictEqual((yield* openOf(early.id)).length, 3)
      assert.deepInclude((yield* openOf(all.id))[0], { attemptCount: 0, attemptsBefore: 0, maxAttempts: 5 })
    })
  )

  it.effect("makes nothing twice: two replays, two processes, a crash after every batch", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const repo = yield* ReplayRepo
      const { webhook } = yield* createWebhook("twice", { disableAfterSeconds: 3600 })
      const { webhook: broken } = yield* createWebhook("twice", { isActive: false })
      yield* emitMany("twice", 1200)
      const dispatcher = yield* lease
      const room = { total: 2000, perWebhook: 2000, taken: [] }
      for (let batch = 0; batch < 3; batch++) yield* finish(dispatcher, yield* fanOut(dispatcher, room), failed)

      for (const [id, kind] of [
        [webhook.id, "failed"],
        [broken.id, "missed"]
      ] as const) {
        const first = yield* begin("twice", id, kind)
        const second = yield* begin("twice", id, kind)
        assert.deepStrictEqual([first.total, second.total], [1200, 1200])
        // A batch whose transaction never committed leaves no trace.
        const crash = sql.withTransaction(Effect.andThen(repo.step(null), Effect.die("crash")))
        assert.strictEqual((yield* Effect.exit(crash))._tag, "Failure")
        assert.deepStrictEqual(yield* openOf(id), [])
        yield* Effect.all([work, work, work], { concurrency: "unbounded" })
        const replays = yield* Replays
        const ends = yield* replays.list(UserId.make("twice"), id)
        assert.deepStrictEqual(
          ends.map(({ state }) => state),
          ["COMPLETED", "COMPLETED"]
        )
        assert.strictEqual((ends[0]?.done ?? 0) + (ends[1]?.done ?? 0), 1200)
        assert.strictEqual((yield* openOf(id)).length, 1200)
      }
    })
  )

  it.effect("leaves to the next replay what failed after this one was asked for", () =>
    Effect.gen(function* () {
      const { webhook } = yield* createWebhook("loop")
      yield* emitMany("loop", 2)
      const dispatcher = yield* lease
      const claims = yield* fanOut(dispatcher)
      yield* finish(dispatcher, claims.slice(0, 1), failed)
      yield* begin("loop", webhook.id, "failed")
      yield* finish(dispatcher, claims.slice(1), failed)
      yield* work
      assert.deepStrictEqual(
        (yield* openOf(webhook.id)).map(({ id }) => id),
        [String(claims[0]?.deliveryId)]
      )
    })
  )

  it.effect("stops when it is cancelled, with what it has made so far", () =>
    Effect.gen(function* () {
      const repo = yield* ReplayRepo
      const replays = yield* Replays
      const { webhook } = yield* createWebhook("cancel", { isActive: false })
      yield* emitMany("cancel", 1200)
      const dispatcher = yield* lease
      for (let batch = 0; batch < 3; batch++) yield* fanOut(dispatcher)
      const replay = yield* begin("cancel", webhook.id, "missed")
      yield* repo.step(null)
      const id = replay.id ?? ""
      assert.deepInclude(yield* replays.get(UserId.make("cancel"), webhook.id, id), { state: "RUNNING", done: 500 })
      const cancelled = yield* replays.cancel(actor("cancel"), webhook.id, id)
      assert.deepInclude(cancelled, { state: "CANCELLED", done: 500, total: 1200 })
      yield* work
      assert.deepStrictEqual(yield* replays.cancel(actor("cancel"), webhook.id, id), cancelled)
      assert.strictEqual((yield* openOf(webhook.id)).length, 500)
      assert.strictEqual(
        (yield* audited(webhook.id)).filter(({ action }) => action === "webhook.replay_cancelled").length,
        1
      )
    })
  )

  it.effect("keeps to its range of times, and users to their own", () =>
    Effect.gen(function* () {
      const replays = yield* Replays
      const { webhook } = yield* createWebhook("range", { isActive: false })
      yield* emitMany("range", 3)
      yield* fanOut(yield* lease)
      const now = yield* DateTime.now
      const later = new NewReplay({ kind: "missed", since: DateTime.add(now, { minutes: 1 }) })
      assert.strictEqual((yield* replays.start(actor("range"), webhook.id, later)).total, 0)
      const before = new NewReplay({
        kind: "missed",
        since: DateTime.subtract(now, { days: 1 }),
        until: DateTime.subtract(now, { hours: 1 })
      })
      assert.strictEqual((yield* replays.start(actor("range"), webhook.id, before)).total, 0)
      const own = yield* begin("range", webhook.id, "missed")
      assert.strictEqual(own.total, 3)

      const { webhook: evil } = yield* createWebhook("eve")
      assert.strictEqual((yield* Effect.flip(begin("eve", webhook.id, "missed")))._tag, "WebhookNotFound")
      for (const id of [own.id ?? "", "nonsense"]) {
        assert.strictEqual((yield* Effect.flip(replays.get(UserId.make("eve"), evil.id, id)))._tag, "ReplayNotFound")
        assert.strictEqual((yield* Effect.flip(replays.cancel(actor("eve"), evil.id, id)))._tag, "ReplayNotFound")
      }
      assert.strictEqual((yield* replays.list(UserId.make("range"), webhook.id))[0]?.state, "RUNNING")
      yield* work
    })
  )

  it.effect("is of no webhook that is being deleted meanwhile", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { webhook } = yield* createWebhook("hasty")
      const mayCommit = yield* Latch.make(false)
      const deletion = sql`DELETE FROM nexus.webhook_subscription WHERE id = ${webhook.id}::uuid`
      const deleted = yield* deletion.pipe(Effect.andThen(mayCommit.await), sql.withTransaction, Effect.forkScoped)
      const waiting = sql`SELECT pid FROM pg_locks WHERE NOT granted`.pipe(Effect.map((rows) => rows.length))
      yield* Effect.repeat(
        sql`SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'DELETE FROM nexus.webhook%'`,
        { schedule: Schedule.spaced("20 millis"), until: (rows) => rows.length > 0 }
      )
      const begun = yield* Effect.forkScoped(Effect.flip(begin("hasty", webhook.id, "failed")))
      yield* Effect.repeat(waiting, { schedule: Schedule.spaced("20 millis"), until: (count) => count > 0 })
      yield* mayCommit.open
      yield* Fiber.join(deleted)
      assert.strictEqual((yield* Fiber.join(begun))._tag, "WebhookNotFound")
    })
  )

  it.effect("is worked off in the background, and takes turns", () =>
    Effect.gen(function* () {
      const replays = yield* Replays
      const { webhook } = yield* createWebhook("background", { isActive: false })
      yield* emitMany("background", 600)
      const dispatcher = yield* lease
      for (let batch = 0; batch < 2; batch++) yield* fanOut(dispatcher)
      for (let count = 0; count < 3; count++) yield* begin("background", webhook.id, "missed")
      yield* replays.list(UserId.make("background"), webhook.id).pipe(
        Effect.repeat({
          schedule: Schedule.spaced("20 millis"),
          until: (all) => all.every(({ state }) => state === "COMPLETED")
        }),
        Effect.provide(Layer.fresh(ReplayWorkerLayer))
      )
      assert.strictEqual((yield* openOf(webhook.id)).length, 600)
    })
  )
})
