/** The answers that are kept for repeated requests. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asUser } from "../database/AsUser.ts"
import type { UserId } from "../domain/Ids.ts"
import type { Sealed } from "../vault/Vault.ts"

/** A key as a user gave it. */
export interface KeyOfUser {
  readonly userId: UserId
  readonly key: string
}

/** What is known of a key: nothing yet, so the request is the caller's to make, and `claimedAt` says so; or an entry. */
export type Entry =
  | { readonly _tag: "Claimed"; readonly claimedAt: Date }
  | { readonly _tag: "Running"; readonly requestHash: string }
  | { readonly _tag: "Answered"; readonly requestHash: string; readonly status: number; readonly answer: Sealed }

interface Row {
  readonly requestHash: string
  readonly responseStatus: number | null
  readonly responseBody: Sealed | null
}

export class IdempotencyRepo extends Context.Service<
  IdempotencyRepo,
  {
    /**
     * Claims a key, or says what it stands for. One that is older than 24 hours is free again; so is one without an
     * answer after two minutes, because its process must have died.
     */
    claim(key: KeyOfUser, requestHash: string): Effect.Effect<Entry, SqlError>
    /** Keeps the answer of a claimed request. */
    answer(key: KeyOfUser, claimedAt: Date, status: number, answer: Sealed): Effect.Effect<void, SqlError>
    /** Gives a claimed key back. */
    release(key: KeyOfUser, claimedAt: Date): Effect.Effect<void, SqlError>
  }
>()("nexus/http/IdempotencyRepo") {
  static readonly layer = Layer.effect(
    IdempotencyRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const as = <A, E>(userId: UserId, effect: Effect.Effect<A, E>) =>
        asUser(userId, effect).pipe(Effect.provideService(SqlClient, sql))

      return IdempotencyRepo.of({
        claim: Effect.fnUntraced(function* ({ userId, key }: KeyOfUser, requestHash: string) {
          return yield* as(
            userId,
            Effect.gen(function* () {
              // Microseconds would not survive the way through a Date, and `answer` compares.
              const claimed = yield* sql<{ readonly createdAt: Date }>`
                INSERT INTO nexus.idempotency_key AS known (user_id, key, request_hash, created_at)
                VALUES (${userId}, ${key}, ${requestHash}, date_trunc('milliseconds', now()))
                ON CONFLICT (user_id, key) DO UPDATE SET request_hash = excluded.request_hash,
                  response_status = NULL, response_body = NULL, created_at = excluded.created_at
                  WHERE known.created_at < now() - interval '24 hours'
                    OR (known.response_status IS NULL AND known.created_at < now() - interval '2 minutes')
                RETURNING created_at`
              if (claimed[0] !== undefined) return { _tag: "Claimed", claimedAt: claimed[0].createdAt } satisfies Entry
              const rows = yield* sql<Row>`
                SELECT request_hash, response_status, response_body FROM nexus.idempotency_key
                WHERE user_id = ${userId} AND key = ${key}`
              return entryOf(rows[0], requestHash)
            })
          )
        }),
        answer: Effect.fnUntraced(function* (
          { userId, key }: KeyOfUser,
          claimedAt: Date,
          status: number,
          answer: Sealed
        ) {
          yield* as(
            userId,
            sql`
              UPDATE nexus.idempotency_key SET response_status = ${status}, response_body = ${answer}
              WHERE user_id = ${userId} AND key = ${key} AND created_at = ${claimedAt}`
          )
        }),
        release: Effect.fnUntraced(function* ({ userId, key }: KeyOfUser, claimedAt: Date) {
          yield* as(
            userId,
            sql`
              DELETE FROM nexus.idempotency_key
              WHERE user_id = ${userId} AND key = ${key} AND created_at = ${claimedAt} AND response_status IS NULL`
          )
        })
      })
    })
  )
}

/** A row that is gone was given back between the two statements: as good as one that still runs. */
const entryOf = (row: Row | undefined, requestHash: string): Entry => {
  if (row === undefined) return { _tag: "Running", requestHash }
  if (row.responseStatus === null || row.responseBody === null) {
    return { _tag: "Running", requestHash: row.requestHash }
  }
  return { _tag: "Answered", requestHash: row.requestHash, status: row.responseStatus, answer: row.responseBody }
}
