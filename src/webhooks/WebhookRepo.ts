/** The webhooks of users, secrets sealed. Its statements run inside of {@link UserTransactions}. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Actor } from "../domain/Actor.ts"
import { isId } from "../domain/Cursor.ts"
import type { UserId, WebhookId } from "../domain/Ids.ts"
import { WebhookNotFound } from "../domain/WebhookErrors.ts"
import type { Sealed } from "../vault/Vault.ts"

/** A webhook as the database has it. */
export interface WebhookRow {
  readonly id: WebhookId
  readonly userId: UserId
  readonly url: string
  readonly events: ReadonlyArray<string>
  readonly description: string
  readonly secret: Sealed
  readonly previousSecretExpiresAt: Date | null
  readonly headers: Sealed | null
  readonly isActive: boolean
  readonly maxAttempts: number
  readonly disableAfterSeconds: number
  readonly consecutiveFailures: number
  readonly disabledReason: string | null
  readonly disabledAt: Date | null
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What a person can set; what is left out stays as it is, or takes its default. */
export type WebhookColumns = Partial<
  Pick<
    WebhookRow,
    "url" | "events" | "description" | "headers" | "isActive" | "maxAttempts" | "disableAfterSeconds" | "managedBy"
  >
>

export type WebhookAction =
  | "webhook.created"
  | "webhook.updated"
  | "webhook.enabled"
  | "webhook.paused"
  | "webhook.deleted"
  | "webhook.secret_rotated"
  | "webhook.overlap_ended"

export class WebhookRepo extends Context.Service<
  WebhookRepo,
  {
    /** The names of all event types, for everyone's use. */
    readonly eventTypes: Effect.Effect<ReadonlyArray<string>, SqlError>
    /** How many webhooks a user has; until the transaction ends, nobody else adds one. */
    count(userId: UserId): Effect.Effect<number, SqlError>
    insert(
      webhook: {
        readonly id: WebhookId
        readonly userId: UserId
        readonly secret: Sealed
        readonly sealedUrl: Sealed | null
      } & WebhookColumns
    ): Effect.Effect<WebhookRow, SqlError>
    /** The newest first, from below an id on. */
    list(userId: UserId, limit: number, below: string | null): Effect.Effect<ReadonlyArray<WebhookRow>, SqlError>
    get(userId: UserId, id: string): Effect.Effect<WebhookRow, SqlError | WebhookNotFound>
    /** The same, locked until the transaction ends. */
    lock(userId: UserId, id: string): Effect.Effect<WebhookRow, SqlError | WebhookNotFound>
    /** The same, which nobody deletes until the transaction ends. */
    keep(userId: UserId, id: string): Effect.Effect<WebhookRow, SqlError | WebhookNotFound>
    managed(userId: UserId, managedBy: string): Effect.Effect<ReadonlyArray<WebhookRow>, SqlError>
    /** Changes columns. Becoming active forgets the failures that came before. */
    update(row: WebhookRow, columns: WebhookColumns): Effect.Effect<WebhookRow, SqlError>
    /** Gives a new secret; the one before is kept beside it for `overlapSeconds`, unless it is null. */
    rotate(
      row: WebhookRow,
      secret: Sealed,
      previous: Sealed | null,
      overlapSeconds: number
    ): Effect.Effect<WebhookRow, SqlError>
    endOverlap(row: WebhookRow): Effect.Effect<WebhookRow, SqlError>
    /** Deletes the webhook with its open deliveries and its replays. */
    delete(row: WebhookRow): Effect.Effect<void, SqlError>
    /** Writes the audit log and, on commit, has every dispatcher look at what it holds for webhooks that changed. */
    announce(
      actor: Actor,
      action: WebhookAction,
      id: WebhookId,
      detail: Readonly<Record<string, unknown>>
    ): Effect.Effect<void, SqlError>
  }
>()("nexus/webhooks/WebhookRepo") {
  static readonly layer = Layer.effect(
    WebhookRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        `id, user_id, url, events, description, secret, headers, is_active, max_attempts,
         CASE WHEN previous_secret_expires_at > now() THEN previous_secret_expires_at END AS previous_secret_expires_at,
         disable_after_seconds, consecutive_failures, disabled_reason, disabled_at, managed_by, created_at, updated_at`
      )
      // What is no id belongs to nothing, and Postgres would refuse it.
      const find = Effect.fnUntraced(function* (userId: UserId, id: string, locking: Fragment) {
        const rows = isId(id)
          ? yield* sql<WebhookRow>`
              SELECT ${columns} FROM nexus.webhook_subscription WHERE id = ${id}::uuid AND user_id = ${userId} ${locking}`
          : []
        return rows[0] ?? (yield* new WebhookNotFound({ id }))
      })
      const only = (rows: ReadonlyArray<WebhookRow>) => Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)

      return WebhookRepo.of({
        eventTypes: sql<{ readonly name: string }>`SELECT name FROM nexus.event_type ORDER BY name`.pipe(
          Effect.map((rows) => rows.map(({ name }) => name))
        ),
        count: Effect.fnUntraced(function* (userId: UserId) {
          yield* sql`SELECT pg_advisory_xact_lock(hashtext('nexus webhooks'), hashtext(${userId}))`
          const rows = yield* sql<{ readonly count: number }>`
            SELECT count(*)::int AS count FROM nexus.webhook_subscription WHERE user_id = ${userId}`
          return rows[0]?.count ?? 0
        }),
        insert: (webhook) =>
          sql<WebhookRow>`
            INSERT INTO nexus.webhook_subscription ${sql.insert(webhook)} RETURNING ${columns}`.pipe(
            Effect.flatMap(only)
          ),
        list: (userId, limit, below) => sql<WebhookRow>`
          SELECT ${columns} FROM nexus.webhook_subscription
          WHERE user_id = ${userId} AND id < coalesce(${below}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          ORDER BY id DESC LIMIT ${limit}`,
        get: (userId, id) => find(userId, id, sql``),
        lock: (userId, id) => find(userId, id, sql`FOR UPDATE`),
        keep: (userId, id) => find(userId, id, sql`FOR KEY SHARE`),
        managed: (userId, managedBy) => sql<WebhookRow>`
          SELECT ${columns} FROM nexus.webhook_subscription
          WHERE user_id = ${userId} AND managed_by = ${managedBy} ORDER BY id`,
        update: (row, changes) =>
          sql<WebhookRow>`
            UPDATE nexus.webhook_subscription
            SET ${sql.update({ ...changes, ...(changes.isActive && !row.isActive ? recovered : {}) })},
              version = version + 1, updated_at = now()
            WHERE id = ${row.id}::uuid AND user_id = ${row.userId} RETURNING ${columns}`.pipe(Effect.flatMap(only)),
        rotate: (row, secret, previous, overlapSeconds) =>
          sql<WebhookRow>`
            UPDATE nexus.webhook_subscription SET secret = ${secret}, previous_secret = ${previous},
              previous_secret_expires_at = CASE WHEN ${previous !== null} THEN now() + ${overlapSeconds} * interval '1 second' END,
              version = version + 1, updated_at = now()
            WHERE id = ${row.id}::uuid AND user_id = ${row.userId} RETURNING ${columns}`.pipe(Effect.flatMap(only)),
        endOverlap: (row) =>
          sql<WebhookRow>`
            UPDATE nexus.webhook_subscription SET previous_secret = NULL, previous_secret_expires_at = NULL,
              version = version + 1, updated_at = now()
            WHERE id = ${row.id}::uuid AND user_id = ${row.userId} RETURNING ${columns}`.pipe(Effect.flatMap(only)),
        // Deliveries before their webhook: the order in which a dispatcher that completes them locks both.
        delete: Effect.fnUntraced(function* (row: WebhookRow) {
          yield* sql`DELETE FROM nexus.delivery WHERE webhook_id = ${row.id}::uuid AND user_id = ${row.userId}`
          yield* sql`DELETE FROM nexus.webhook_subscription WHERE id = ${row.id}::uuid AND user_id = ${row.userId}`
        }),
        announce: Effect.fnUntraced(function* (actor, action, id, detail) {
          yield* sql`
            WITH audited AS (
              INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
              VALUES (${actor.userId}, ${actor.actor}, ${action}, ${id}, ${JSON.stringify(detail)}::text::json, ${actor.address})
            )
            SELECT pg_notify('nexus_changed', '')::text AS notified WHERE ${action !== "webhook.created"}`
        })
      })
    })
  )
}

/** What a webhook that becomes active again starts with. */
const recovered = { disabledReason: null, disabledAt: null, consecutiveFailures: 0, failingSince: null }
