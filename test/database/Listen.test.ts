import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Logger, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { clientLayer } from "../../src/database/Database.ts"
import { listen, listenWorks } from "../../src/database/Listen.ts"
import { TestDatabase } from "../support/Database.ts"
import { deafProxy } from "../support/DeafProxy.ts"

/** Runs the stream in the background; each wake-up can be taken from the queue. */
const wakeUps = Effect.fnUntraced(function* (channel: string) {
  const queue = yield* Queue.unbounded<void>()
  yield* listen(channel).pipe(
    Stream.runForEach(() => Queue.offer(queue, undefined)),
    Effect.forkScoped
  )
  return queue
})

/** Cuts the connection that listens, as a restart of the server would. */
const cutListener = Effect.fnUntraced(function* (channel: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query ILIKE ${`LISTEN%${channel}%`}`
  assert.lengthOf(rows, 1)
})

layer(Layer.merge(TestDatabase.layerEmpty, NodeServices.layer), { excludeTestServices: true })("listen", (it) => {
  it.effect("emits once connected, and at each notification", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const queue = yield* wakeUps("first")
      yield* Queue.take(queue)
      yield* sql.notify("first", "")
      yield* Queue.take(queue)
      yield* sql.notify("first", "")
      yield* Queue.take(queue)
      assert.strictEqual(yield* Queue.size(queue), 0)
    })
  )

  it.effect("emits again after it lost its connection, says so once, and goes on listening", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(String(Array.isArray(message) ? message[0] : message)))
    return Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const queue = yield* wakeUps("second")
      yield* Queue.take(queue)
      yield* cutListener("second")
      yield* Queue.take(queue)
      yield* sql.notify("second", "")
      yield* Queue.take(queue)
      assert.deepStrictEqual(lines, [
        "Lost the connection that listens on second; reconnecting",
        "Listening on second again"
      ])
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("makes one wake-up of those that come while the consumer is busy", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const busy = yield* Latch.make(false)
      const queue = yield* Queue.unbounded<void>()
      yield* listen("third").pipe(
        Stream.runForEach(() => Effect.andThen(Queue.offer(queue, undefined), busy.await)),
        Effect.forkScoped
      )
      yield* Queue.take(queue)
      const witness = yield* sql.listen("third")
      yield* Effect.repeat(sql.notify("third", ""), { times: 9 })
      yield* Effect.repeat(Queue.take(witness), { times: 9 })
      yield* busy.open
      // One for the ten, and one for each of these: had the ten been kept, most would be left over.
      yield* Queue.take(queue)
      yield* Effect.repeat(Effect.andThen(sql.notify("third", ""), Queue.take(queue)), { times: 4 })
      assert.isBelow(yield* Queue.size(queue), 3)
    })
  )

  it.effect("listenWorks says yes on a direct connection", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* listenWorks)
    })
  )
})

it.effect("listenWorks says no through a pooler that loses notifications, after two seconds", () =>
  Effect.gen(function* () {
    const proxy = yield* deafProxy((yield* TestDatabase).url)
    const answer = yield* Effect.forkChild(Effect.provide(listenWorks, clientLayer(proxy.url)))
    yield* proxy.lost
    const done = Effect.sync(() => answer.pollUnsafe() !== undefined)
    yield* TestClock.adjust("2 seconds").pipe(Effect.andThen(done), Effect.repeat({ until: (isDone) => isDone }))
    assert.isFalse(yield* Fiber.join(answer))
  }).pipe(Effect.provide([TestDatabase.layerEmpty, NodeServices.layer]))
)
