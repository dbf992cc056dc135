/** A webhook: a subscription of a user, to event types, at a URL. */
import { Schema } from "effect"
import { UserId, WebhookId } from "./Ids.ts"

const httpHeaderName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const httpHeaderValue = /^[\t\u0020-\u007e\u0080-\u00ff]{0,1024}$/

/** Set by the service, or of the connection rather than the message (RFC 9110, section 7.6.1). */
const reservedHeader =
  /^(host|content-.*|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|user-agent|traceparent|tracestate|webhook-.*|x-webhook-.*)$/i

const HeaderValue = Schema.String.check(
  Schema.isPattern(httpHeaderValue, {
    message: "Expected a header value of at most 1024 characters, without line breaks"
  })
)

const nameFault = (name: string, index: number, names: ReadonlyArray<string>) => {
  if (!httpHeaderName.test(name)) return "Expected the name of an HTTP header"
  if (reservedHeader.test(name)) return `The header ${name} is set by the service`
  const same = names.findIndex((other) => other.toLowerCase() === name.toLowerCase())
  return same < index
    ? `The header ${names[same]} is there already; upper and lower case make no difference`
    : undefined
}

/** Headers of the owner's own, sent with every delivery: at most 20. */
// The names are judged by a check of the whole: a record passes over keys that its key schema refuses.
export const CustomHeaders = Schema.Record(Schema.String, HeaderValue).check(
  Schema.isMaxProperties(20, { message: "Expected at most 20 headers" }),
  Schema.makeFilter((headers) =>
    Object.keys(headers).flatMap((name, index, names) => {
      const issue = nameFault(name, index, names)
      return issue === undefined ? [] : [{ path: [name], issue }]
    })
  )
)

const Url = Schema.String.check(
  // Control characters and half surrogate pairs are what URLs never have and Postgres does not store.
  Schema.isPattern(/^[^\s\p{Cc}\p{Cs}]{1,2048}$/u, { message: "Expected a URL of at most 2048 characters" })
)

/** Names of event types, or `*` for all but the system's own. */
const Events = Schema.Array(Schema.String).check(
  Schema.isMinLength(1, { message: 'Expected at least one event type, or "*"' }),
  Schema.isMaxLength(100, { message: "Expected at most 100 event types" })
)

/** 5 attempts over 30 seconds, up to 16 over 18 hours: the delays double from 2 seconds on. */
const MaxAttempts = Schema.Int.check(Schema.isBetween({ minimum: 5, maximum: 16 }))

const Description = Schema.String.check(
  // Postgres stores neither NUL nor half a surrogate pair.
  Schema.isPattern(/^[^\0\p{Cs}]{0,500}$/u, { message: "Expected a text of at most 500 characters" })
)

/** For how long deliveries must have been failing before ten failures in a row disable the webhook; a week at most. */
const DisableAfterSeconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 604_800 }))

/** A secret made elsewhere. Any printable text; `whsec_` and base64 is what the Standard Webhooks libraries take. */
export const ImportedSecret = Schema.String.check(
  Schema.isPattern(/^[\u0021-\u007e]{16,128}$/, { message: "Expected 16 to 128 printable ASCII characters" })
)

/** What `POST /integrations/webhooks` takes. */
export class NewWebhook extends Schema.Class<NewWebhook>("NewWebhook")({
  url: Url,
  events: Events,
  description: Schema.optionalKey(Description),
  isActive: Schema.optionalKey(Schema.Boolean),
  headers: Schema.optionalKey(CustomHeaders),
  maxAttempts: Schema.optionalKey(MaxAttempts),
  disableAfterSeconds: Schema.optionalKey(DisableAfterSeconds),
  secret: Schema.optionalKey(ImportedSecret)
}) {}

/** What `PATCH /integrations/webhooks/:id` takes: only what is to change. */
export class WebhookPatch extends Schema.Class<WebhookPatch>("WebhookPatch")({
  url: Schema.optionalKey(Url),
  events: Schema.optionalKey(Events),
  description: Schema.optionalKey(Description),
  isActive: Schema.optionalKey(Schema.Boolean),
  headers: Schema.optionalKey(CustomHeaders),
  maxAttempts: Schema.optionalKey(MaxAttempts),
  disableAfterSeconds: Schema.optionalKey(DisableAfterSeconds)
}) {}

/** A webhook as the API shows it: without its secret. */
export class Webhook extends Schema.Class<Webhook>("Webhook")({
  id: WebhookId,
  userId: UserId,
  url: Schema.String,
  events: Schema.Array(Schema.String),
  description: Schema.String,
  isActive: Schema.Boolean,
  /** The names of the owner's headers; the values are secrets and masked. */
  headers: Schema.Record(Schema.String, Schema.String),
  maxAttempts: Schema.Int,
  disableAfterSeconds: Schema.Int,
  consecutiveFailures: Schema.Int,
  /** Why the service disabled it; null while it is active or paused by its owner. */
  disabledReason: Schema.NullOr(Schema.String),
  disabledAt: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** The integration that made it and takes care of it, for example Zapier's; null for a webhook made by hand. */
  managedBy: Schema.NullOr(Schema.String),
  /** Until when the secret before the last rotation still signs; null outside of an overlap. */
  previousSecretExpiresAt: Schema.NullOr(Schema.DateTimeUtcFromString),
  createdAt: Schema.DateTimeUtcFromString,
  updatedAt: Schema.DateTimeUtcFromString
}) {}

/** A webhook with its secret, as only creation and rotation show it. */
export class WebhookWithSecret extends Webhook.extend<WebhookWithSecret>("WebhookWithSecret")({
  secret: Schema.String
}) {}
