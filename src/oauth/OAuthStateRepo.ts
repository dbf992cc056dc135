/** Attempts to connect a provider in the browser: what was begun, and how it ended. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asUser } from "../database/AsUser.ts"
import type { Actor } from "../domain/Actor.ts"
import { isId } from "../domain/Cursor.ts"
import type { OAuthAttemptId, ProviderId, UserId } from "../domain/Ids.ts"
import type { Settings } from "../domain/Integration.ts"
import type { OAuthOutcome } from "../domain/OAuthAttempt.ts"
import type { Sealed } from "../vault/Vault.ts"

/** What an attempt begins with. */
export interface NewOAuthState {
  readonly id: OAuthAttemptId
  readonly provider: ProviderId
  readonly slug: string
  readonly stateHash: string
  readonly browserHash: string
  readonly redirectUri: string
  readonly returnUrl: string | null
  readonly settings: Settings | null
  /** Null for a provider without PKCE. */
  readonly verifier: Sealed | null
}

export interface OAuthStateRow extends Omit<NewOAuthState, "stateHash"> {
  readonly userId: UserId
  readonly actor: string
  readonly isExpired: boolean
  readonly isUsed: boolean
}

export interface OAuthAttemptRow {
  readonly id: OAuthAttemptId
  readonly provider: ProviderId
  readonly outcome: OAuthOutcome | "PENDING"
  readonly message: string | null
  /** Pending for longer than its way back may take. */
  readonly isExpired: boolean
  /** Pending since its code was taken, for longer than that takes. */
  readonly isBroken: boolean
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Attempts of one user that are kept: what a user can write here has an end, however often they begin. */
const mostKept = 100

/** Old attempts that one statement deletes. */
const batchSize = 10_000

export class OAuthStateRepo extends Context.Service<
  OAuthStateRepo,
  {
    /** Keeps what was begun, beside the newest of its user; gives its end, ten minutes later by the database's clock. */
    insert(actor: Actor, state: NewOAuthState): Effect.Effect<Date, SqlError>
    /** What a state stands for, whosever it is. */
    find(stateHash: string): Effect.Effect<OAuthStateRow | undefined, SqlError>
    /** Uses a state up. Of all who try, one is told that it was them; none when it is over. */
    use(state: OAuthStateRow): Effect.Effect<boolean, SqlError>
    /** Says how the attempt of a state ended that was used up. */
    finish(state: OAuthStateRow, outcome: OAuthOutcome, message: string): Effect.Effect<void, SqlError>
    /** A user's attempt. */
    attempt(userId: UserId, id: string): Effect.Effect<OAuthAttemptRow | undefined, SqlError>
    /** Deletes attempts that are older than a day; says how many. */
    readonly prune: Effect.Effect<number, SqlError>
  }
>()("nexus/oauth/OAuthStateRepo") {
  static readonly layer = Layer.effect(
    OAuthStateRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const as = <A, E>(userId: UserId, effect: Effect.Effect<A, E>) =>
        asUser(userId, effect).pipe(Effect.provideService(SqlClient, sql))

      const forgetOldest = (userId: UserId) => sql`
        DELETE FROM nexus.oauth_state WHERE id IN (
          SELECT id FROM nexus.oauth_state WHERE user_id = ${userId} ORDER BY created_at DESC, id DESC OFFSET ${mostKept})`

      return OAuthStateRepo.of({
        insert: ({ userId, actor }, state) =>
          as(
            userId,
            sql<{ readonly expiresAt: Date }>`
              INSERT INTO nexus.oauth_state (id, user_id, actor, provider, slug, state_hash, browser_hash, redirect_uri, return_url, settings, verifier)
              VALUES (${state.id}::uuid, ${userId}, ${actor}, ${state.provider}, ${state.slug}, ${state.stateHash}, ${state.browserHash},
                ${state.redirectUri}, ${state.returnUrl},
                ${state.settings === null ? null : JSON.stringify(state.settings)}::text::jsonb, ${state.verifier})
              RETURNING expires_at`.pipe(Effect.flatMap(([row]) => Effect.orDie(Effect.fromNullishOr(row?.expiresAt))))
          ).pipe(Effect.tap(forgetOldest(userId))),
        // Whose state it is becomes known by looking for it, so this is asked as the owner.
        find: (stateHash) =>
          sql<OAuthStateRow>`
            SELECT id, user_id, actor, provider, slug, browser_hash, redirect_uri, return_url, settings, verifier,
              expires_at <= now() AS is_expired, used_at IS NOT NULL AS is_used
            FROM nexus.oauth_state WHERE state_hash = ${stateHash}`.pipe(Effect.map((rows) => rows[0])),
        use: ({ id, userId }) =>
          as(
            userId,
            sql`
              UPDATE nexus.oauth_state SET used_at = now(), verifier = NULL
              WHERE id = ${id}::uuid AND used_at IS NULL AND expires_at > now() RETURNING id`
          ).pipe(Effect.map((rows) => rows.length === 1)),
        finish: ({ id, userId }, outcome, message) =>
          as(
            userId,
            sql`UPDATE nexus.oauth_state SET outcome = ${outcome}, message = ${message} WHERE id = ${id}::uuid`
          ).pipe(Effect.asVoid),
        attempt: Effect.fnUntraced(function* (userId, id) {
          if (!isId(id)) return undefined
          const rows = yield* as(
            userId,
            sql<OAuthAttemptRow>`
              SELECT id, provider, outcome, message, created_at, expires_at, used_at IS NULL AND expires_at <= now() AS is_expired,
                outcome = 'PENDING' AND used_at < now() - interval '5 minutes' AS is_broken
              FROM nexus.oauth_state WHERE user_id = ${userId} AND id = ${id}::uuid`
          )
          return rows[0]
        }),
        prune: sql`
          DELETE FROM nexus.oauth_state WHERE id IN (
            SELECT id FROM nexus.oauth_state WHERE created_at < now() - interval '1 day'
            LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)
          RETURNING id`.pipe(Effect.map((rows) => rows.length))
      })
    })
  )
}
