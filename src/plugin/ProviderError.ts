import { type DateTime, Schema } from "effect"

/** When it is worth trying again; null where the provider doesn't say. */
const until = { until: Schema.NullOr(Schema.DateTimeUtc) }

/** The provider refuses the credentials: they are wrong, expired or revoked. Connecting again is the way out. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {}

/** The credentials are good but may not do this; `missing` names the scope, permission or plan that would. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", { missing: Schema.String }) {}

/** The provider refuses what was sent, and would again; `field` names the culprit where the provider does. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", { field: Schema.NullOr(Schema.String) }) {}

/** Too many requests for the moment. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", until) {}

/** The account's allowance, of the day or of its plan, is used up. */
export class QuotaExhausted extends Schema.TaggedError<QuotaExhausted>()("QuotaExhausted", until) {}

/** The provider can't be reached, answers with a fault of its own, or with something that can't be read. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

/** Something at the provider, or in the integration's settings, has to be set up differently. */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", {}) {}

export const Reason = Schema.Union([
  Unauthorized,
  Forbidden,
  Rejected,
  RateLimited,
  QuotaExhausted,
  Unavailable,
  Misconfigured
])
export type Reason = typeof Reason.Type

/** The one error that a plugin fails with; its reason says what can be done about it. */
export class ProviderError extends Schema.TaggedError<ProviderError>()("ProviderError", {
  reason: Reason,
  /** What the provider said, in words that its user understands. Never a response body, never a secret. */
  detail: Schema.String
}) {
  override get message() {
    return `${this.reason._tag}: ${this.detail}`
  }
}

/** Fails with `Unauthorized`, as `return yield* unauthorized("The token has expired")`. The others work the same way. */
export const unauthorized = (detail: string) => new ProviderError({ reason: new Unauthorized({}), detail })

/** @param missing the scope, permission or plan that the account needs */
export const forbidden = (detail: string, missing: string) =>
  new ProviderError({ reason: new Forbidden({ missing }), detail })

/** @param field the provider's name of the field that it refuses, where it names one */
export const rejected = (detail: string, field: string | null = null) =>
  new ProviderError({ reason: new Rejected({ field }), detail })

export const rateLimited = (detail: string, until: DateTime.Utc | null) =>
  new ProviderError({ reason: new RateLimited({ until }), detail })

export const quotaExhausted = (detail: string, until: DateTime.Utc | null) =>
  new ProviderError({ reason: new QuotaExhausted({ until }), detail })

export const unavailable = (detail: string) => new ProviderError({ reason: new Unavailable({}), detail })

export const misconfigured = (detail: string) => new ProviderError({ reason: new Misconfigured({}), detail })
