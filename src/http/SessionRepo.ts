/** The sessions of browsers. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asUser } from "../database/AsUser.ts"
import type { Actor } from "../domain/Actor.ts"
import type { UserId } from "../domain/Ids.ts"

export interface SessionRow {
  readonly id: string
  readonly userId: UserId
  readonly actor: string
  /** Separated by spaces. */
  readonly scopes: string
  readonly expiresAt: Date
}

/** Expired sessions that one statement deletes. */
const batchSize = 10_000

export class SessionRepo extends Context.Service<
  SessionRepo,
  {
    /** Starts a session of so many seconds, by the database's clock, and says so in the audit log. */
    insert(actor: Actor, scopes: string, tokenHash: string, seconds: number): Effect.Effect<SessionRow, SqlError>
    /** The session of a cookie, unless it is over. */
    find(tokenHash: string): Effect.Effect<SessionRow | undefined, SqlError>
    /** Ends the session of a cookie, if there is one, and says so in the audit log. */
    delete(tokenHash: string, address: string | null): Effect.Effect<void, SqlError>
    /** Deletes sessions that are over; says how many. */
    readonly prune: Effect.Effect<number, SqlError>
  }
>()("nexus/http/SessionRepo") {
  static readonly layer = Layer.effect(
    SessionRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal("id, user_id, actor, scopes, expires_at")
      const as = <A, E>(userId: UserId, effect: Effect.Effect<A, E>) =>
        asUser(userId, effect).pipe(Effect.provideService(SqlClient, sql))
      const announce = ({ userId, actor, address }: Actor, action: string, id: string) => sql`
        INSERT INTO nexus.audit_log (user_id, actor, action, subject, address)
        VALUES (${userId}, ${actor}, ${action}, ${id}, ${address})`

      // Whose session a cookie is becomes known by looking for it, so this is asked as the owner.
      const find = (tokenHash: string) =>
        sql<SessionRow>`
          SELECT ${columns} FROM nexus.session WHERE token_hash = ${tokenHash} AND expires_at > now()`.pipe(
          Effect.map((rows) => rows[0])
        )

      return SessionRepo.of({
        insert: (actor, scopes, tokenHash, seconds) =>
          as(
            actor.userId,
            Effect.gen(function* () {
              const rows = yield* sql<SessionRow>`
                INSERT INTO nexus.session (user_id, actor, scopes, token_hash, expires_at)
                VALUES (${actor.userId}, ${actor.actor}, ${scopes}, ${tokenHash}, now() + ${seconds} * interval '1 second')
                RETURNING ${columns}`
              const row = yield* Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)
              yield* announce(actor, "session.started", row.id)
              return row
            })
          ),
        find,
        delete: Effect.fnUntraced(function* (tokenHash, address) {
          const row = yield* find(tokenHash)
          if (row === undefined) return
          const { id, userId, actor } = row
          yield* as(
            userId,
            Effect.gen(function* () {
              const gone = yield* sql`DELETE FROM nexus.session WHERE id = ${id}::uuid RETURNING id`
              if (gone.length > 0) yield* announce({ userId, actor, address }, "session.ended", id)
            })
          )
        }),
        prune: sql`
          DELETE FROM nexus.session WHERE id IN (
            SELECT id FROM nexus.session WHERE expires_at < now() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)
          RETURNING id`.pipe(Effect.map((rows) => rows.length))
      })
    })
  )
}
