import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import { idOfCursor, isId, pageOf } from "../domain/Cursor.ts"
import { Delivery, DeliveryAttempt, type DeliveryStatus, DeliveryWithAttempts } from "../domain/Delivery.ts"
import type { DeliveryId, EventId, UserId, WebhookId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import { DeliveryNotFound, EventExpired, InvalidWebhook, type WebhookNotFound } from "../domain/WebhookErrors.ts"
import { dataOf } from "./EventData.ts"
import { type AttemptRow, type DeliveryRow, HistoryRepo } from "./HistoryRepo.ts"
import { RetryRepo } from "./RetryRepo.ts"
import { WebhookRepo } from "./WebhookRepo.ts"

export interface DeliveryFilter {
  readonly status?: DeliveryStatus | undefined
  readonly eventType?: string | undefined
  /** Of events at this time or later. */
  readonly since?: Date | undefined
  /** Of events before this time. */
  readonly until?: Date | undefined
}

/** The deliveries of a user's webhooks, unfinished and finished. */
export class Deliveries extends Context.Service<
  Deliveries,
  {
    /** Those of the newest events first. */
    list(
      userId: UserId,
      webhookId: string,
      filter: DeliveryFilter,
      page: PageRequest
    ): Effect.Effect<Page<Delivery>, WebhookNotFound>
    get(
      userId: UserId,
      webhookId: string,
      deliveryId: string
    ): Effect.Effect<DeliveryWithAttempts, WebhookNotFound | DeliveryNotFound>
    /** One more attempt, at once; it takes the place of a pending automatic one. */
    retry(
      userId: UserId,
      webhookId: string,
      deliveryId: string
    ): Effect.Effect<void, WebhookNotFound | DeliveryNotFound | EventExpired>
    /** Sends the example of an event type to this webhook alone; of the first type that it asks for when none is named. */
    sendTest(
      userId: UserId,
      webhookId: string,
      eventType?: string | undefined
    ): Effect.Effect<{ readonly eventId: EventId; readonly deliveryId: DeliveryId }, WebhookNotFound | InvalidWebhook>
  }
>()("nexus/webhooks/Deliveries") {
  static readonly layer = Layer.effect(
    Deliveries,
    Effect.gen(function* () {
      const webhooks = yield* WebhookRepo
      const history = yield* HistoryRepo
      const retries = yield* RetryRepo
      const transaction = yield* makeUserTransactions

      return Deliveries.of({
        list: Effect.fn("Deliveries.list")(
          function* (userId, webhookId, filter, { limit, cursor }) {
            const rows = yield* transaction(
              userId,
              Effect.gen(function* () {
                const { id } = yield* webhooks.get(userId, webhookId)
                const below = idOfCursor(cursor)
                const rows = yield* history.deliveries({ ...filter, webhookId: id, below, limit: limit + 1 })
                return rows.map((row) => new Delivery(show(id, row)))
              })
            )
            return pageOf(rows, limit)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        get: Effect.fn("Deliveries.get")(
          function* (userId, webhookId, deliveryId) {
            return yield* transaction(
              userId,
              Effect.gen(function* () {
                const { id } = yield* webhooks.get(userId, webhookId)
                const query = { webhookId: id, id: deliveryId, below: null, limit: 1 }
                const [row] = isId(deliveryId) ? yield* history.deliveries(query) : []
                if (row === undefined) return yield* new DeliveryNotFound({ id: deliveryId })
                const attempts = yield* Effect.forEach(yield* history.attempts(row), showAttempt)
                return new DeliveryWithAttempts({ ...show(id, row), attempts })
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        retry: Effect.fn("Deliveries.retry")(
          function* (userId, webhookId, deliveryId) {
            yield* transaction(
              userId,
              Effect.gen(function* () {
                const { id } = yield* webhooks.get(userId, webhookId)
                if (!isId(deliveryId)) return yield* new DeliveryNotFound({ id: deliveryId })
                if (yield* retries.hasten(id, deliveryId)) return
                const done = yield* retries.reopen(id, deliveryId)
                if (done === "unknown") return yield* new DeliveryNotFound({ id: deliveryId })
                if (done === "expired") return yield* new EventExpired({ deliveryId })
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        sendTest: Effect.fn("Deliveries.sendTest")(
          function* (userId, webhookId, eventType) {
            return yield* transaction(
              userId,
              Effect.gen(function* () {
                const { id, events } = yield* webhooks.get(userId, webhookId)
                const types = yield* webhooks.eventTypes
                const name = eventType ?? events.find((each) => each !== "*") ?? "CONTACT_CREATED"
                const sent = types.includes(name) ? yield* retries.test(userId, id, name) : undefined
                if (sent !== undefined) return sent
                const message = `There is no event type ${JSON.stringify(name)}`
                return yield* new InvalidWebhook({ errors: [{ path: "eventType", message }] })
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}

const time = (date: Date | null) => (date === null ? null : DateTime.fromDateUnsafe(date))

const show = (webhookId: WebhookId, row: DeliveryRow) => ({
  ...row,
  webhookId,
  payload: row.body === null ? null : dataOf(row.body),
  deliveredAt: row.status === "delivered" ? time(row.finishedAt) : null,
  failedAt: row.status === "failed" || row.status === "expired" ? time(row.finishedAt) : null,
  nextRetryAt: row.status === "pending" ? time(row.nextAttemptAt) : null,
  createdAt: DateTime.fromDateUnsafe(row.createdAt)
})

const decodeHeaders = Schema.decodeUnknownEffect(
  Schema.NullOr(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))
)

const showAttempt = Effect.fnUntraced(function* (row: AttemptRow) {
  const responseHeaders = yield* Effect.orDie(decodeHeaders(row.responseHeaders))
  return new DeliveryAttempt({ ...row, responseHeaders, startedAt: DateTime.fromDateUnsafe(row.startedAt) })
})
