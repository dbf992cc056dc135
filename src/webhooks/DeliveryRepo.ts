/** The unfinished deliveries and their history, as a dispatcher uses them: claim, complete, give back. */
import { PgClient, PgTypes } from "@effect/sql-pg"
import { Context, Effect, Layer, Result } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { DeliveryId, DispatcherId, WebhookId } from "../domain/Ids.ts"
import type { Claim, Room } from "./Claim.ts"
import type { Outcome } from "./Outcome.ts"

export class DeliveryRepo extends Context.Service<
  DeliveryRepo,
  {
    /**
     * Claims deliveries that are due: those that a person asked for first, then webhook by webhook, from the first
     * webhook after `cursor`. Rows of disabled and paused webhooks, and of webhooks without room, stay as they are; a
     * dispatcher whose lease has ended gets nothing.
     */
    claim(dispatcher: DispatcherId, cursor: string, room: Room): Effect.Effect<ReadonlyArray<Claim>, SqlError>
    /**
     * Records attempts and what they mean, in one statement. Repeating it changes nothing. A success is recorded
     * whoever holds the delivery by now; a failure only while `dispatcher` holds it. Ten failed deliveries in a row
     * disable their webhook. `now` is the monotonic clock, in milliseconds, that the attempts were timed by.
     *
     * Returns the webhooks that it disabled.
     */
    complete(
      dispatcher: DispatcherId,
      outcomes: ReadonlyArray<Outcome>,
      now: number
    ): Effect.Effect<ReadonlyArray<WebhookId>, SqlError>
    /** Gives claimed deliveries back, unattempted. */
    giveBack(dispatcher: DispatcherId, deliveries: ReadonlyArray<DeliveryId>): Effect.Effect<void, SqlError>
    /**
     * Gives back what `dispatcher` has claimed but does not hold: a connection that broke between a commit and its
     * answer leaves such claims. Reads the whole table, so it is for after an error only.
     */
    giveBackOthers(dispatcher: DispatcherId, held: ReadonlyArray<DeliveryId>): Effect.Effect<void, SqlError>
    /** Ends open deliveries whose event is older than `days` as expired; at most 10,000, returns how many. */
    expire(days: number): Effect.Effect<number, SqlError>
    /**
     * Deletes open deliveries of webhooks that are gone: of an event, a retry or a test that came while the webhook was
     * being deleted. Nobody claims them. At most 10,000, returns how many.
     */
    readonly deleteStray: Effect.Effect<number, SqlError>
  }
>()("nexus/webhooks/DeliveryRepo") {
  static readonly layer = Layer.effect(
    DeliveryRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const claim = Effect.fnUntraced(function* (dispatcher: DispatcherId, cursor: string, room: Room) {
        return yield* sql<Claim>`
          WITH RECURSIVE lease AS MATERIALIZED (
            SELECT id FROM nexus.dispatcher WHERE id = ${dispatcher}::uuid AND ended_at IS NULL FOR SHARE
          ), ring (webhook_id) AS (
            (SELECT webhook_id FROM nexus.delivery WHERE webhook_id > ${cursor}::uuid AND EXISTS (SELECT FROM lease)
             ORDER BY webhook_id LIMIT 1)
            UNION ALL
            SELECT (SELECT next.webhook_id FROM nexus.delivery AS next
                    WHERE next.webhook_id > ring.webhook_id ORDER BY next.webhook_id LIMIT 1)
            FROM ring WHERE ring.webhook_id IS NOT NULL
          ), asked AS MATERIALIZED (
            SELECT id FROM nexus.delivery
            WHERE is_manual AND claimed_by IS NULL AND next_attempt_at <= now() AND EXISTS (SELECT FROM lease)
            ORDER BY next_attempt_at LIMIT ${room.total} FOR UPDATE SKIP LOCKED
          ), due AS MATERIALIZED (
            SELECT mine.id
            FROM ring
            JOIN nexus.webhook_subscription AS webhook ON webhook.id = ring.webhook_id AND webhook.is_active
            LEFT JOIN unnest(
              ${room.taken.map((_) => _.webhookId)}::text[]::uuid[], ${room.taken.map((_) => _.free)}::int[]
            ) AS room (webhook_id, free) ON room.webhook_id = ring.webhook_id
            CROSS JOIN LATERAL (
              SELECT id FROM nexus.delivery
              WHERE delivery.webhook_id = ring.webhook_id AND next_attempt_at <= now()
                AND claimed_by IS NULL AND NOT is_manual
              ORDER BY next_attempt_at LIMIT coalesce(room.free, ${room.perWebhook}) FOR UPDATE SKIP LOCKED
            ) AS mine
            LIMIT ${room.total}
          )
          UPDATE nexus.delivery SET claimed_by = ${dispatcher}::uuid
          FROM (SELECT id FROM asked UNION ALL SELECT id FROM due) AS chosen, nexus.event, nexus.webhook_subscription AS webhook
          WHERE delivery.id = chosen.id AND event.id = delivery.event_id AND webhook.id = delivery.webhook_id
          RETURNING delivery.id AS delivery_id, delivery.event_id, delivery.webhook_id, webhook.version AS webhook_version,
            delivery.user_id, delivery.event_type, event.body, delivery.attempt_count, delivery.attempts_before,
            delivery.max_attempts, delivery.is_manual, event.traceparent`
      })

      const complete = Effect.fnUntraced(function* (
        dispatcher: DispatcherId,
        outcomes: ReadonlyArray<Outcome>,
        now: number
      ) {
        const rows = yield* sql<{ readonly webhookId: WebhookId }>`
          WITH outcome AS MATERIALIZED (
            -- announced fires the trigger of the outbox even when it inserts nothing. Whoever calls this looks anyway.
            SELECT _.* FROM set_config('nexus.notify', 'off', true), unnest(
              ${text(outcomes, (_) => _.attempt.id)}::uuid[],
              ${text(outcomes, (_) => _.attempt.claim.deliveryId)}::uuid[],
              ${text(outcomes, (_) => _.attempt.claim.eventId)}::uuid[],
              ${text(outcomes, (_) => _.attempt.claim.webhookId)}::uuid[],
              ${text(outcomes, (_) => _.attempt.claim.userId)},
              ${text(outcomes, (_) => _.attempt.claim.eventType)},
              ${integer(outcomes, (_) => _.attempt.number)},
              ${outcomes.map((_) => _.attempt.claim.isManual)}::bool[],
              ${text(outcomes, (_) => _.verdict._tag)},
              ${outcomes.map((_) => _.verdict._tag === "Failed" && _.verdict.gone)}::bool[],
              ${integer(outcomes, (_) => (_.verdict._tag === "Retry" ? _.verdict.delayMillis : null))},
              ${integer(outcomes, (_) => Math.round(now - _.attempt.startedAt))},
              ${integer(outcomes, (_) => Math.round(_.attempt.durationMillis))},
              ${integer(outcomes, (_) => _.attempt.responseStatus)},
              ${text(outcomes, (_) => _.attempt.responseHeaders)},
              ${text(outcomes, (_) => _.attempt.responseBody)},
              ${text(outcomes, (_) => _.attempt.error)}
            ) AS _ (id, delivery_id, event_id, webhook_id, user_id, event_type, number, is_manual, verdict, gone,
              delay_ms, age_ms, duration_ms, response_status, response_headers, response_body, error)
          ), recorded AS (
            INSERT INTO nexus.attempt (id, delivery_id, user_id, number, dispatcher_id, is_manual, response_status,
              response_headers, response_body, error, started_at, duration_ms)
            SELECT id, delivery_id, user_id, number, ${dispatcher}::uuid, is_manual, response_status,
              response_headers, response_body, error, now() - age_ms * interval '1 millisecond', duration_ms
            FROM outcome
            ON CONFLICT (id) DO NOTHING
          ), done AS (
            DELETE FROM nexus.delivery USING outcome
            WHERE delivery.id = outcome.delivery_id AND (verdict = 'Delivered' OR (
              verdict = 'Failed' AND claimed_by = ${dispatcher}::uuid AND delivery.is_manual = outcome.is_manual
            ))
            RETURNING outcome.*, delivery.created_at
          ), again AS (
            -- A retry that a person asked for while the attempt was under way is due at once.
            UPDATE nexus.delivery SET attempt_count = number, claimed_by = NULL,
              is_manual = delivery.is_manual AND NOT outcome.is_manual,
              next_attempt_at = now() + CASE
                WHEN delivery.is_manual AND NOT outcome.is_manual THEN 0 ELSE delay_ms END * interval '1 millisecond'
            FROM outcome
            WHERE delivery.id = outcome.delivery_id AND claimed_by = ${dispatcher}::uuid AND (
              verdict = 'Retry' OR (verdict = 'Failed' AND delivery.is_manual AND NOT outcome.is_manual)
            )
          ), unmatched AS MATERIALIZED (
            SELECT * FROM outcome WHERE verdict = 'Delivered' AND id NOT IN (SELECT id FROM done)
          ), late AS (
            SELECT unmatched.*, latest.created_at
            FROM unmatched CROSS JOIN LATERAL (
              SELECT state, created_at FROM nexus.delivery_history AS history
              WHERE history.webhook_id = unmatched.webhook_id AND history.delivery_id = unmatched.delivery_id
              ORDER BY history.id DESC LIMIT 1
            ) AS latest
            WHERE latest.state <> 'DELIVERED'
          ), finished AS MATERIALIZED (
            SELECT * FROM done UNION ALL SELECT * FROM late
          ), history AS (
            INSERT INTO nexus.delivery_history (id, delivery_id, event_id, webhook_id, user_id, event_type, state,
              attempt_count, attempt_id, response_status, error, finished_at, created_at)
            SELECT nexus.uuid7(), delivery_id, event_id, webhook_id, user_id, event_type, upper(verdict),
              number, id, response_status, error, now(), created_at
            FROM finished
          ), troubled AS MATERIALIZED (
            -- Mostly none: then what follows costs nothing.
            SELECT id FROM nexus.webhook_subscription
            WHERE id IN (SELECT webhook_id FROM finished WHERE NOT is_manual) AND (consecutive_failures > 0
              OR id IN (SELECT webhook_id FROM finished WHERE NOT is_manual AND verdict = 'Failed'))
          ), tally AS (
            SELECT webhook_id, bool_or(verdict = 'Delivered') AS delivered, bool_or(gone) AS gone,
              count(*) FILTER (WHERE verdict = 'Failed' AND later_success IS NULL)::int AS failures,
              (array_agg(error ORDER BY id DESC) FILTER (WHERE verdict = 'Failed'))[1] AS error
            FROM (
              SELECT finished.*, max(id::text) FILTER (WHERE verdict = 'Delivered') OVER (
                PARTITION BY webhook_id ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
              ) AS later_success
              FROM finished WHERE NOT is_manual AND webhook_id IN (SELECT id FROM troubled)
            ) AS ordered
            GROUP BY webhook_id
          ), counted AS MATERIALIZED (
            SELECT webhook.id, webhook.disable_after_seconds, tally.error, gone,
              CASE WHEN delivered THEN failures ELSE consecutive_failures + failures END AS failures,
              CASE WHEN failures = 0 THEN NULL WHEN delivered THEN now() ELSE coalesce(failing_since, now()) END AS since
            FROM tally JOIN nexus.webhook_subscription AS webhook ON webhook.id = tally.webhook_id
            WHERE failures > 0 OR consecutive_failures > 0
            ORDER BY webhook.id FOR UPDATE OF webhook
          ), judged AS MATERIALIZED (
            SELECT counted.*, CASE
              WHEN gone THEN 'The receiver answered 410 Gone.'
              WHEN failures >= 10 AND now() - since >= disable_after_seconds * interval '1 second'
                THEN failures || ' deliveries in a row failed; the last: ' || coalesce(error, 'unknown')
            END AS reason FROM counted
          ), updated AS (
            UPDATE nexus.webhook_subscription AS webhook SET
              consecutive_failures = judged.failures,
              failing_since = judged.since,
              is_active = reason IS NULL,
              disabled_reason = reason,
              disabled_at = CASE WHEN reason IS NOT NULL THEN now() END
            FROM judged
            WHERE webhook.id = judged.id AND webhook.is_active
            RETURNING webhook.id, webhook.user_id, webhook.url, webhook.is_active, webhook.disabled_reason, webhook.disabled_at
          ), logged AS (
            INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail)
            SELECT user_id, 'dispatcher', 'webhook.disabled', id::text, json_build_object('reason', disabled_reason)
            FROM updated WHERE NOT is_active
          ), announced AS (
            INSERT INTO nexus.outbox (user_id, event_type, payload, is_system)
            SELECT user_id, 'WEBHOOK_DISABLED', row_to_json(_), true
            FROM updated CROSS JOIN LATERAL (
              SELECT id AS "webhookId", url, disabled_reason AS reason,
                to_char(disabled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "disabledAt"
            ) AS _
            WHERE NOT is_active
          )
          SELECT id AS webhook_id FROM updated WHERE NOT is_active`
        return rows.map((row) => row.webhookId)
      })

      const giveBack = Effect.fnUntraced(function* (dispatcher: DispatcherId, deliveries: ReadonlyArray<DeliveryId>) {
        yield* sql`
          UPDATE nexus.delivery SET claimed_by = NULL
          WHERE claimed_by = ${dispatcher}::uuid AND id = ANY (${deliveries}::text[]::uuid[])`
      })

      const giveBackOthers = Effect.fnUntraced(function* (dispatcher: DispatcherId, held: ReadonlyArray<DeliveryId>) {
        yield* sql`
          UPDATE nexus.delivery SET claimed_by = NULL
          WHERE claimed_by = ${dispatcher}::uuid
            AND NOT EXISTS (SELECT FROM unnest(${held}::text[]::uuid[]) AS held (id) WHERE held.id = delivery.id)`
      })

      const expire = Effect.fnUntraced(function* (days: number) {
        const rows = yield* sql<{ readonly expired: number }>`
          WITH done AS (
            DELETE FROM nexus.delivery WHERE id IN (
              SELECT id FROM nexus.delivery
              WHERE id < nexus.uuid7_floor(now() - ${days} * interval '1 day') LIMIT 10000 FOR UPDATE SKIP LOCKED
            ) RETURNING *
          ), history AS (
            INSERT INTO nexus.delivery_history (id, delivery_id, event_id, webhook_id, user_id, event_type, state,
              attempt_count, error, finished_at, created_at)
            SELECT nexus.uuid7(), id, event_id, webhook_id, user_id, event_type, 'EXPIRED', attempt_count,
              'Held longer than events are kept.', now(), created_at FROM done
          )
          SELECT count(*)::int AS expired FROM done`
        return rows[0]?.expired ?? 0
      })

      const deleteStray = sql`
        DELETE FROM nexus.delivery WHERE id IN (
          SELECT id FROM nexus.delivery
          WHERE NOT EXISTS (SELECT FROM nexus.webhook_subscription AS webhook WHERE webhook.id = webhook_id)
          LIMIT 10000 FOR UPDATE SKIP LOCKED
        ) RETURNING id`.pipe(Effect.map((rows) => rows.length))

      return DeliveryRepo.of({ claim, complete, giveBack, giveBackOthers, expire, deleteStray })
    })
  )
}

// The driver infers the type of an array from its first element, and can't from nulls alone.
const text = (outcomes: ReadonlyArray<Outcome>, value: (outcome: Outcome) => string | null) =>
  Result.getOrThrow(PgTypes.array(outcomes.map(value), PgTypes.OID.text))

const integer = (outcomes: ReadonlyArray<Outcome>, value: (outcome: Outcome) => number | null) =>
  Result.getOrThrow(PgTypes.array(outcomes.map(value), PgTypes.OID.int4))
