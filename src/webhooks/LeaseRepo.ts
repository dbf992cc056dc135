/** The leases of the dispatchers. All times are the database's, so that no two clocks have to agree. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { DispatcherId } from "../domain/Ids.ts"

export class LeaseRepo extends Context.Service<
  LeaseRepo,
  {
    /** Begins a lease for a process of this machine. */
    begin(host: string, pid: number): Effect.Effect<DispatcherId, SqlError>
    /** Prolongs a lease; false when it had lapsed, which can't be undone. */
    renew(dispatcher: DispatcherId): Effect.Effect<boolean, SqlError>
    /** Ends the lapsed leases of others and frees what they held; returns how many deliveries that were. */
    takeOver(dispatcher: DispatcherId): Effect.Effect<number, SqlError>
    /** How many dispatchers hold a lease now. */
    readonly live: Effect.Effect<number, SqlError>
    /** Ends a lease and frees what it still holds. */
    end(dispatcher: DispatcherId): Effect.Effect<void, SqlError>
  }
>()("nexus/webhooks/LeaseRepo") {
  /** A lease lapses this long after it was last renewed. */
  static readonly lapsesAfterMillis = 5000

  static readonly layer = Layer.effect(
    LeaseRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const lapse = `${LeaseRepo.lapsesAfterMillis} milliseconds`

      // A statement of its own, behind the one that ended the leases: only then does its snapshot hold what a last
      // fan-out, which that one had to wait for, has claimed.
      const free = Effect.fnUntraced(function* (dispatchers: ReadonlyArray<DispatcherId>) {
        const rows = yield* sql`
          UPDATE nexus.delivery SET claimed_by = NULL WHERE claimed_by = ANY (${dispatchers}::text[]::uuid[]) RETURNING id`
        return rows.length
      })

      return LeaseRepo.of({
        begin: Effect.fn("LeaseRepo.begin")(function* (host: string, pid: number) {
          const rows = yield* sql<{ readonly id: DispatcherId }>`
            INSERT INTO nexus.dispatcher (id, host, pid) VALUES (nexus.uuid7(), ${host}, ${pid}) RETURNING id`
          return yield* Effect.fromNullishOr(rows[0]?.id).pipe(Effect.orDie)
        }),
        renew: Effect.fnUntraced(function* (dispatcher: DispatcherId) {
          const rows = yield* sql`
            UPDATE nexus.dispatcher SET heartbeat_at = clock_timestamp()
            WHERE id = ${dispatcher}::uuid AND ended_at IS NULL AND heartbeat_at > clock_timestamp() - ${lapse}::interval
            RETURNING id`
          return rows.length === 1
        }),
        takeOver: Effect.fnUntraced(function* (dispatcher: DispatcherId) {
          const lapsed = yield* sql<{ readonly id: DispatcherId }>`
            UPDATE nexus.dispatcher SET ended_at = clock_timestamp(), end_reason = 'lapsed', taken_over_by = ${dispatcher}::uuid
            WHERE id IN (
              SELECT id FROM nexus.dispatcher
              WHERE ended_at IS NULL AND heartbeat_at <= clock_timestamp() - ${lapse}::interval FOR UPDATE SKIP LOCKED
            )
            RETURNING id`
          return lapsed.length === 0 ? 0 : yield* free(lapsed.map(({ id }) => id))
        }, sql.withTransaction),
        live: sql<{ readonly count: number }>`
          SELECT count(*)::int AS count FROM nexus.dispatcher
          WHERE ended_at IS NULL AND heartbeat_at > clock_timestamp() - ${lapse}::interval`.pipe(
          Effect.map((rows) => rows[0]?.count ?? 0)
        ),
        end: Effect.fn("LeaseRepo.end")(function* (dispatcher: DispatcherId) {
          yield* sql`
            UPDATE nexus.dispatcher SET ended_at = clock_timestamp(), end_reason = 'stopped'
            WHERE id = ${dispatcher}::uuid AND ended_at IS NULL`
          yield* free([dispatcher])
        }, sql.withTransaction)
      })
    })
  )
}
