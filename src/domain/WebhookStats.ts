import { Schema } from "effect"

const Count = Schema.Int

/** Deliveries and attempts of one hour, or of a whole range. */
export const DeliveryCounts = Schema.Struct({
  delivered: Count,
  failed: Count,
  attempts: Count,
  /** Delivered out of delivered and failed, 0 to 1; null when there were none. */
  successRate: Schema.NullOr(Schema.Finite),
  averageDurationMs: Schema.NullOr(Schema.Finite),
  /** How many attempts took no longer than this. */
  within: Schema.Struct({ "100ms": Count, "500ms": Count, "1s": Count, "5s": Count })
})

/** How a webhook has been doing, by the hour. */
export class WebhookStats extends Schema.Class<WebhookStats>("WebhookStats")({
  range: Schema.Literals(["24h", "7d", "30d"]),
  total: DeliveryCounts,
  /** Every hour of the range that had attempts, the oldest first. */
  hours: Schema.Array(Schema.Struct({ hour: Schema.DateTimeUtcFromString, ...DeliveryCounts.fields }))
}) {}
