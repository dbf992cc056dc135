import { Schema } from "effect"
import { EventId } from "./Ids.ts"

/** What came into the outbox and can't be sent. */
export class DeadLetter extends Schema.Class<DeadLetter>("DeadLetter")({
  id: EventId,
  /** As it was written, which may be what is wrong with it. */
  userId: Schema.String,
  eventType: Schema.String,
  /** Null when there was nothing that could be kept. */
  payload: Schema.Unknown,
  /** What is wrong with it, as a sentence. */
  reason: Schema.String,
  createdAt: Schema.DateTimeUtcFromString,
  diedAt: Schema.DateTimeUtcFromString
}) {}

/** There is no such dead letter; it may have been retried. */
export class DeadLetterNotFound extends Schema.TaggedError<DeadLetterNotFound>()(
  "DeadLetterNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no dead letter ${this.id}; it may have been retried already`
  }
}
