/**
 * The package in the process of a Node application: the calls of the product documentation, as Promises over the same
 * services that the HTTP API uses. They connect at the first call to the database of `DATABASE_URL`; in development, which
 * means that it is not set, to the embedded one that a service started in the same folder uses.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { DatabaseLayer } from "./database/Database.ts"
import { UserId } from "./domain/Ids.ts"
import { EmitRepo } from "./outbox/EmitRepo.ts"
import { Events } from "./outbox/Events.ts"

export { WebhookEventType } from "./domain/EventType.ts"

const runtime = ManagedRuntime.make(
  Events.layer.pipe(Layer.provide(EmitRepo.layer), Layer.provide(DatabaseLayer), Layer.provide(NodeServices.layer))
)

const decodeUserId = Schema.decodeEffect(UserId)

/** Webhooks, from inside an application. */
export const webhooksService = {
  /**
   * Stores an event for a user, from where it goes to the user's webhooks. Resolves with the event's id once it is
   * committed: it is delivered at least once, or stands visible as failed. Rejects when the event type is unknown, the
   * data is not an object or does not fit the type's schema, or the database can't be reached.
   *
   * An application that writes to the same Postgres anyway can commit the event together with its own change:
   * `sql/README.md`.
   *
   * @param eventType one of `WebhookEventType`, or the name of a custom type
   * @param data what the event's `data` becomes; at most 256 KiB as JSON
   */
  triggerEvent: (userId: string, eventType: string, data: object): Promise<{ readonly id: string }> =>
    runtime.runPromise(
      Effect.gen(function* () {
        const events = yield* Events
        const accepted = yield* events.emit({
          userId: yield* decodeUserId(userId),
          eventType,
          payload: JSON.stringify(data)
        })
        return { id: accepted.id }
      })
    )
}

/** Ends the connections that the calls above opened; an application calls it when it ends. */
export const close = (): Promise<void> => runtime.dispose()
