/** The event types of this installation. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Actor } from "../domain/Actor.ts"
import type { EventType } from "../domain/EventType.ts"
import type { NewEventType } from "../domain/NewEventType.ts"

type Row = typeof EventType.Encoded

export class EventTypeRepo extends Context.Service<
  EventTypeRepo,
  {
    /** All of them, by name. */
    readonly list: Effect.Effect<ReadonlyArray<Row>, SqlError>
    /** Undefined when there is one of that name. Writes the audit log in the same transaction. */
    create(actor: Actor, type: NewEventType): Effect.Effect<Row | undefined, SqlError>
  }
>()("nexus/outbox/EventTypeRepo") {
  static readonly layer = Layer.effect(
    EventTypeRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))

      return EventTypeRepo.of({
        list: sql<Row>`SELECT name, kind, description, schema, example FROM nexus.event_type ORDER BY name`,

        create: Effect.fn("EventTypeRepo.create")(function* (actor: Actor, type: NewEventType) {
          const rows = yield* sql<Row>`
            WITH made AS (
              INSERT INTO nexus.event_type (name, description, schema, example)
              VALUES (${type.name}, ${type.description ?? ""}, ${json(type.schema)}::text::json, ${json(type.example)}::text::json)
              ON CONFLICT (name) DO NOTHING
              RETURNING name, kind, description, schema, example
            ), audited AS (
              INSERT INTO nexus.audit_log (user_id, actor, action, subject, address)
              SELECT ${actor.userId}, ${actor.actor}, 'event_type.created', name, ${actor.address} FROM made
            )
            SELECT name, kind, description, schema, example FROM made`
          return rows[0]
        })
      })
    })
  )
}
