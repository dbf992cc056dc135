/** Names the ids of the service. All but the user's are UUIDv7: they sort by the time of their making. */
import { Schema } from "effect"

const uuid = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, { message: "Expected an id" })
)

/** The id of a user, given by the application that owns the users: 1 to 255 characters. */
export const UserId = Schema.String.check(
  Schema.isMinLength(1, { message: "Expected a user id of at least 1 character" }),
  Schema.isMaxLength(255, { message: "Expected a user id of at most 255 characters" })
).pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

export const WebhookId = uuid.pipe(Schema.brand("WebhookId"))
export type WebhookId = typeof WebhookId.Type

export const EventId = uuid.pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

export const DeliveryId = uuid.pipe(Schema.brand("DeliveryId"))
export type DeliveryId = typeof DeliveryId.Type

export const AttemptId = uuid.pipe(Schema.brand("AttemptId"))
export type AttemptId = typeof AttemptId.Type

export const DispatcherId = uuid.pipe(Schema.brand("DispatcherId"))
export type DispatcherId = typeof DispatcherId.Type

/** The id of a provider, given by its plugin: upper case, `ACME_CRM`. */
export const ProviderId = Schema.String.check(
  Schema.isPattern(/^[A-Z][A-Z0-9_]{1,31}$/, { message: "Expected a provider's id such as ACME_CRM" })
).pipe(Schema.brand("ProviderId"))
export type ProviderId = typeof ProviderId.Type

export const IntegrationId = uuid.pipe(Schema.brand("IntegrationId"))
export type IntegrationId = typeof IntegrationId.Type

export const SyncRunId = uuid.pipe(Schema.brand("SyncRunId"))
export type SyncRunId = typeof SyncRunId.Type
export const ContactId = uuid.pipe(Schema.brand("ContactId"))
export type ContactId = typeof ContactId.Type

export const OAuthAttemptId = uuid.pipe(Schema.brand("OAuthAttemptId"))
export type OAuthAttemptId = typeof OAuthAttemptId.Type
