import { Schema } from "effect"
import { UserId } from "./Ids.ts"

/** One change: who did what to which thing. */
export class AuditEntry extends Schema.Class<AuditEntry>("AuditEntry")({
  id: Schema.String,
  userId: UserId,
  /** The same user, a service that acted for them, or the service itself. */
  actor: Schema.String,
  /** For example `webhook.created`. */
  action: Schema.String,
  /** The id of what was changed. */
  subject: Schema.String,
  detail: Schema.Unknown,
  /** The network address that the request came from; null for the service's own doings. */
  address: Schema.NullOr(Schema.String),
  createdAt: Schema.DateTimeUtcFromString
}) {}
