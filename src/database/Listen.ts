import { PgClient, PgConnection } from "@effect/sql-pg"
import { Crypto, Effect, Option, Queue, Schedule, Stream } from "effect"
import { Hex } from "effect/encoding"
import type { SqlError } from "effect/sql/SqlError"

/** 100 ms, 200 ms, … up to 5 s, with jitter, so that a database's return is not met by everyone at once. */
const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

/**
 * Emits at once, at each NOTIFY on `channel`, and after each connection that replaces a lost one, as something may
 * have been missed in between. Wake-ups that come while the consumer is busy become one. Never ends and never fails:
 * a lost connection is logged once and replaced, with a growing delay between the tries.
 *
 * Holds one connection of the pool. A NOTIFY is a hint, so poll behind it: a transaction-mode pooler swallows them all
 * (see {@link listenWorks}).
 */
export const listen = (channel: string): Stream.Stream<void, never, PgClient.PgClient> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      let connected = true
      const connection = Effect.gen(function* () {
        const notifications = yield* sql.listen(channel)
        if (!connected) yield* Effect.logInfo(`Listening on ${channel} again`)
        connected = true
        return Stream.fromEffect(Effect.void).pipe(
          Stream.concat(Stream.fromQueue(notifications).pipe(Stream.map(() => undefined)))
        )
      })
      const lost = Effect.fnUntraced(function* (error: SqlError) {
        if (connected) yield* Effect.logWarning(`Lost the connection that listens on ${channel}; reconnecting`, error)
        connected = false
      })
      return Stream.unwrap(connection).pipe(Stream.tapError(lost), Stream.retry(backoff), Stream.orDie)
    })
  ).pipe(Stream.buffer({ capacity: 1, strategy: "sliding" }))

/**
 * Whether a NOTIFY on one connection reaches a LISTEN on another within 2 seconds. If not, a pooler in transaction
 * mode is in between, and the service works by polling alone.
 */
export const listenWorks = Effect.gen(function* () {
  const { config } = yield* PgClient.PgClient
  const crypto = yield* Crypto.Crypto
  const channel = `nexus_probe_${Hex.encode(yield* Effect.orDie(crypto.randomBytes(8)))}`
  const listener = yield* PgConnection.make(config)
  const notifications = yield* listener.listen(channel)
  const notifier = yield* PgConnection.make(config)
  yield* notifier.query("SELECT pg_notify($1, '')", [channel])
  return Option.isSome(yield* Queue.take(notifications).pipe(Effect.timeoutOption("2 seconds")))
}).pipe(Effect.scoped)
