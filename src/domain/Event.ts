import { Schema } from "effect"
import { EventId } from "./Ids.ts"

/** What `POST /integrations/events` takes. */
export class NewEvent extends Schema.Class<NewEvent>("NewEvent")({
  /** The name of an event type. */
  eventType: Schema.String.check(
    // Postgres can't even be asked about NUL and half a surrogate pair.
    Schema.isPattern(/^[^\0\p{Cs}]*$/u, { message: "Expected the name of an event type" })
  ),
  /** The event's data, at most 256 KiB. Key order and the spelling of numbers reach the webhooks as they are written. */
  payload: Schema.Record(Schema.String, Schema.Unknown)
}) {}

/** An event that is stored and goes out to every webhook that wants it. */
export class AcceptedEvent extends Schema.Class<AcceptedEvent>("AcceptedEvent")({
  id: EventId,
  eventType: Schema.String
}) {}

/** What is asked for does not make an event, although its shape is right; names every part that is wrong. */
export class InvalidEvent extends Schema.TaggedError<InvalidEvent>()(
  "InvalidEvent",
  { errors: Schema.NonEmptyArray(Schema.Struct({ path: Schema.String, message: Schema.String })) },
  { httpApiStatus: 400 }
) {
  override get message() {
    return this.errors.map(({ path, message }) => `${path}: ${message}`).join("; ")
  }
}
