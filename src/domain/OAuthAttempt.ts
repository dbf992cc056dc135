/** One way of a user's browser to a provider and back, which ends connected or otherwise. */
import { Schema } from "effect"
import { OAuthAttemptId, ProviderId } from "./Ids.ts"
import { Settings } from "./Integration.ts"

const Time = Schema.DateTimeUtcFromString

/**
 * How an attempt ends. `denied`: its user said no at the provider; `expired`: it took longer than ten minutes; `used`:
 * it had ended before; `unknown_state`: nobody knows of it; `wrong_browser`, `wrong_user`, `wrong_provider`: it began
 * elsewhere; `missing_scope`: the user allowed less than is needed; `provider_error`: the provider ended it;
 * `refused`: what came back is not good for a connection; `unavailable`: try again later; `not_configured`: the
 * service's operator has something to do.
 */
export const OAuthOutcome = Schema.Literals([
  "connected",
  "denied",
  "expired",
  "used",
  "unknown_state",
  "wrong_browser",
  "wrong_user",
  "wrong_provider",
  "missing_scope",
  "provider_error",
  "refused",
  "unavailable",
  "not_configured"
])
export type OAuthOutcome = typeof OAuthOutcome.Type

/** What `POST /integrations/oauth/:slug/authorize` takes. */
export class NewOAuthAttempt extends Schema.Class<NewOAuthAttempt>("NewOAuthAttempt")({
  /** Where the browser goes in the end; one of `RETURN_URLS`, to the letter, or the dashboard's page of integrations. */
  returnUrl: Schema.optionalKey(Schema.String),
  /** As in `POST /integrations/connect`. */
  settings: Schema.optionalKey(Settings)
}) {}

/** An attempt that has begun. */
export class OAuthAuthorization extends Schema.Class<OAuthAuthorization>("OAuthAuthorization")({
  id: OAuthAttemptId,
  /** Where to send the browser. */
  url: Schema.String,
  expiresAt: Time
}) {}

/** How far an attempt is. */
export class OAuthAttempt extends Schema.Class<OAuthAttempt>("OAuthAttempt")({
  id: OAuthAttemptId,
  provider: ProviderId,
  outcome: Schema.Union([Schema.Literal("PENDING"), OAuthOutcome]),
  /** What happened and what to do, for its user; null while it is pending. */
  message: Schema.NullOr(Schema.String),
  createdAt: Time,
  expiresAt: Time
}) {}
