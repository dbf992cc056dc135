import { Schema } from "effect"
import { EventTypeName } from "./EventType.ts"

/** What `POST /integrations/event-types` takes. */
export class NewEventType extends Schema.Class<NewEventType>("NewEventType")({
  name: EventTypeName,
  description: Schema.optionalKey(
    // Postgres stores neither NUL nor half a surrogate pair.
    Schema.String.check(
      Schema.isPattern(/^[^\0\p{Cs}]{0,500}$/u, { message: "Expected a text of at most 500 characters" })
    )
  ),
  /** A JSON Schema (draft 2020-12) that the HTTP API holds the data of such events to. */
  schema: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  /** Data as such an event carries it, for tests and for readers. */
  example: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
}) {}

/** There is an event type of this name. */
export class EventTypeExists extends Schema.TaggedError<EventTypeExists>()(
  "EventTypeExists",
  { name: Schema.String },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `There is an event type ${this.name} already. Take another name; a type that exists does not change`
  }
}

/** What is asked for does not make an event type, although its shape is right. */
export class InvalidEventType extends Schema.TaggedError<InvalidEventType>()(
  "InvalidEventType",
  { errors: Schema.NonEmptyArray(Schema.Struct({ path: Schema.String, message: Schema.String })) },
  { httpApiStatus: 400 }
) {
  override get message() {
    return this.errors.map(({ path, message }) => `${path}: ${message}`).join("; ")
  }
}
