/** Deliveries as people see them: open and finished in one list, with what was answered. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { DeliveryStatus } from "../domain/Delivery.ts"
import type { DeliveryId, EventId, WebhookId } from "../domain/Ids.ts"
import type { DeliveryFilter } from "./Deliveries.ts"

export interface DeliveryRow {
  readonly id: DeliveryId
  readonly eventId: EventId
  readonly eventType: string
  readonly status: DeliveryStatus
  /** The body of the event; null when it is no longer kept. */
  readonly body: string | null
  readonly responseStatus: number | null
  readonly responseBody: string | null
  readonly error: string | null
  readonly attemptCount: number
  readonly finishedAt: Date | null
  readonly nextAttemptAt: Date | null
  readonly createdAt: Date
}

export interface AttemptRow {
  readonly number: number
  readonly startedAt: Date
  readonly durationMs: number
  readonly isManual: boolean
  readonly responseStatus: number | null
  /** A JSON object. */
  readonly responseHeaders: string | null
  readonly responseBody: string | null
  readonly error: string | null
}

/** Which deliveries of a webhook, the newest first. */
export interface DeliveryQuery extends DeliveryFilter {
  readonly webhookId: WebhookId
  readonly id?: string | undefined
  /** Only deliveries whose id is smaller. */
  readonly below: string | null
  readonly limit: number
}

export class HistoryRepo extends Context.Service<
  HistoryRepo,
  {
    deliveries(query: DeliveryQuery): Effect.Effect<ReadonlyArray<DeliveryRow>, SqlError>
    /** All attempts of a delivery, in their order. */
    attempts(delivery: DeliveryRow): Effect.Effect<ReadonlyArray<AttemptRow>, SqlError>
  }
>()("nexus/webhooks/HistoryRepo") {
  static readonly layer = Layer.effect(
    HistoryRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      // Ids begin with the time of the event, so a range of times is a range of ids, and the lists need no other index.
      const range = (column: string, { webhookId, id, eventType, since, until, below }: DeliveryQuery) =>
        sql.and([
          sql`webhook_id = ${webhookId}::uuid`,
          ...(id === undefined ? [] : [sql`${sql(column)} = ${id}::uuid`]),
          ...(below === null ? [] : [sql`${sql(column)} < ${below}::uuid`]),
          ...(since === undefined ? [] : [sql`${sql(column)} >= nexus.uuid7_floor(${since})`]),
          ...(until === undefined ? [] : [sql`${sql(column)} < nexus.uuid7_floor(${until})`]),
          ...(eventType === undefined ? [] : [sql`event_type = ${eventType}`])
        ])

      const open = (query: DeliveryQuery) => sql`
        SELECT id, event_id, event_type, status, attempt_count, NULL::uuid AS attempt_id, NULL::text AS error,
          NULL::timestamptz AS finished_at, next_attempt_at, created_at
        FROM (
          SELECT delivery.*, CASE
            WHEN claimed_by IS NOT NULL THEN 'delivering'
            WHEN is_manual OR (SELECT is_active FROM nexus.webhook_subscription WHERE id = ${query.webhookId}::uuid) THEN 'pending'
            ELSE 'held' END AS status
          FROM nexus.delivery
        ) AS delivery
        WHERE ${range("id", query)} ${query.status === undefined ? sql`` : sql`AND status = ${query.status}`}
        ORDER BY id DESC LIMIT ${query.limit}`

      // A finished delivery that was begun again is open; of several ends the last one counts. History is younger than
      // the event, which is what prunes partitions.
      const finished = (query: DeliveryQuery) => sql`
        SELECT delivery_id AS id, event_id, event_type, lower(state) AS status, attempt_count, attempt_id, error,
          finished_at, NULL::timestamptz AS next_attempt_at, created_at
        FROM nexus.delivery_history AS history
        WHERE ${range("delivery_id", query)}
          ${query.since === undefined ? sql`` : sql`AND id >= nexus.uuid7_floor(${query.since})`}
          ${query.status === undefined ? sql`` : sql`AND state = ${query.status.toUpperCase()}`}
          ${query.status === "failed" || query.status === "expired" ? sql`AND state <> 'DELIVERED'` : sql``}
          AND NOT EXISTS (
            SELECT FROM nexus.delivery_history AS newer
            WHERE newer.webhook_id = history.webhook_id AND newer.delivery_id = history.delivery_id AND newer.id > history.id
          )
          AND NOT EXISTS (SELECT FROM nexus.delivery WHERE delivery.id = history.delivery_id)
        ORDER BY delivery_id DESC LIMIT ${query.limit}`

      const parts = (query: DeliveryQuery) => {
        if (query.status === undefined) return sql`(${open(query)}) UNION ALL (${finished(query)})`
        return finals.has(query.status) ? finished(query) : open(query)
      }

      const deliveries = (query: DeliveryQuery) => sql<DeliveryRow>`
        WITH page AS MATERIALIZED (
          SELECT * FROM (${parts(query)}) AS part ORDER BY id DESC LIMIT ${query.limit}
        )
        SELECT page.id, page.event_id, event_type, status, body, response_status, response_body,
          coalesce(page.error, last.error) AS error, attempt_count, finished_at, next_attempt_at, page.created_at
        FROM page
        LEFT JOIN nexus.event ON event.id = page.event_id
        LEFT JOIN LATERAL (
          SELECT response_status, response_body, error FROM nexus.attempt
          WHERE attempt.delivery_id = page.id AND (attempt.id = attempt_id OR attempt_id IS NULL)
          ORDER BY number DESC LIMIT 1
        ) AS last ON attempt_count > 0
        ORDER BY page.id DESC`

      return HistoryRepo.of({
        deliveries,
        attempts: ({ id }) => sql<AttemptRow>`
          SELECT number, started_at, duration_ms, is_manual, response_status, response_headers, response_body, error
          FROM nexus.attempt WHERE delivery_id = ${id}::uuid ORDER BY number, id`
      })
    })
  )
}

const finals: ReadonlySet<DeliveryStatus> = new Set(["delivered", "failed", "expired"])
