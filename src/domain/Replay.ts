/** A background job that makes deliveries of a webhook anew. */
import { Schema } from "effect"
import { WebhookId } from "./Ids.ts"
import { Moment } from "./Moment.ts"

export const ReplayId = Schema.String.pipe(Schema.brand("ReplayId"))
export type ReplayId = typeof ReplayId.Type

/** `failed`: deliveries that failed or expired; `missed`: events that the webhook wants and has no delivery of. */
export const ReplayKind = Schema.Literals(["failed", "missed"])
export type ReplayKind = typeof ReplayKind.Type

/** What `POST /integrations/webhooks/:id/replay` takes. */
export class NewReplay extends Schema.Class<NewReplay>("NewReplay")({
  kind: ReplayKind,
  /** From when on, by the time of the event. */
  since: Moment,
  /** Until when; now by default. */
  until: Schema.optionalKey(Moment),
  /** Only counts. */
  dryRun: Schema.optionalKey(Schema.Boolean)
}) {}

export class Replay extends Schema.Class<Replay>("Replay")({
  /** Null for a dry run, which leaves nothing behind. */
  id: Schema.NullOr(ReplayId),
  webhookId: WebhookId,
  kind: ReplayKind,
  since: Schema.DateTimeUtcFromString,
  until: Schema.DateTimeUtcFromString,
  state: Schema.Literals(["DRY_RUN", "RUNNING", "COMPLETED", "CANCELLED"]),
  /** How many deliveries there were to make when it was asked for. */
  total: Schema.Int,
  /** How many were made so far. */
  done: Schema.Int
}) {}
