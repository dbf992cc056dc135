/** One user's connection to a provider. */
import { Schema } from "effect"
import { IntegrationId, ProviderId, UserId } from "./Ids.ts"

const Time = Schema.DateTimeUtcFromString

/** `ACTIVE`: works; `INACTIVE`: paused by its user; `ERROR`: does not work, and `lastError` says what to do. */
export const IntegrationStatus = Schema.Literals(["ACTIVE", "INACTIVE", "ERROR"])
export type IntegrationStatus = typeof IntegrationStatus.Type

/** The names of the reasons of a `ProviderError`: what kind of trouble an integration has. */
export const TroubleKind = Schema.Literals([
  "Unauthorized",
  "Forbidden",
  "Rejected",
  "RateLimited",
  "QuotaExhausted",
  "Unavailable",
  "Misconfigured"
])
export type TroubleKind = typeof TroubleKind.Type

/** Where a mapping starts: a field of a contact, or `customFields.<name>`. */
export const ContactSource = Schema.String.check(
  Schema.isPattern(
    /^(firstName|lastName|email|phone|company|jobTitle|cardId|customFields\.[A-Za-z][A-Za-z0-9_]{0,63})$/,
    {
      message:
        "Expected firstName, lastName, email, phone, company, jobTitle, cardId or the name of a custom field such as customFields.birthday"
    }
  )
)

/** Which field of a contact goes to which field of the provider. */
export const FieldMapping = Schema.Record(
  ContactSource,
  Schema.String.check(Schema.isPattern(/^[^\0\p{Cs}]{1,255}$/u))
).check(Schema.isMaxProperties(100, { message: "Expected at most 100 fields" }))
export type FieldMapping = typeof FieldMapping.Type

/** The settings that every integration with contacts has, beside those of its provider's own. */
export const SyncSettings = Schema.Struct({
  /** Whether new and changed contacts are synced within seconds. */
  autoSync: Schema.optionalKey(Schema.Boolean),
  /** Whether contacts that are deleted here are removed at the provider as well. */
  removeDeleted: Schema.optionalKey(Schema.Boolean),
  /** Replaces the provider's default mapping; null goes back to that. */
  fieldMapping: Schema.optionalKey(Schema.NullOr(FieldMapping))
})
export type SyncSettings = typeof SyncSettings.Type

/** How contacts become a file. */
export const ExportFormat = Schema.Literals(["csv", "json"])
export type ExportFormat = typeof ExportFormat.Type

/** The settings that every integration with files has. */
export const ExportSettings = Schema.Struct({
  /** How often the contacts are exported by themselves; the first time at once. Null or left out: not at all. */
  exportEvery: Schema.optionalKey(Schema.NullOr(Schema.Literals(["hour", "day", "week", "month"]))),
  /** The format of those exports, `csv` by default. */
  exportFormat: Schema.optionalKey(ExportFormat)
})
export type ExportSettings = typeof ExportSettings.Type

/** Settings as they are posted: those above and the provider's own, in one object. */
export const Settings = Schema.Record(Schema.String, Schema.Unknown)
export type Settings = typeof Settings.Type

/** What `POST /integrations/connect` takes. */
export class NewIntegration extends Schema.Class<NewIntegration>("NewIntegration")({
  /** As `GET /integrations/providers` lists them. */
  provider: Schema.String,
  /** The fields of the provider's connect form. */
  credentials: Schema.Record(Schema.String, Schema.Unknown),
  settings: Schema.optionalKey(Settings)
}) {}

/** What `PATCH /integrations/:provider` takes: only what is to change. */
export class IntegrationPatch extends Schema.Class<IntegrationPatch>("IntegrationPatch")({
  /** `INACTIVE` pauses, `ACTIVE` resumes. */
  status: Schema.optionalKey(Schema.Literals(["ACTIVE", "INACTIVE"])),
  /** Settings that are not named stay as they are. */
  settings: Schema.optionalKey(Settings)
}) {}

/** An integration as the API shows it. */
export class Integration extends Schema.Class<Integration>("Integration")({
  id: IntegrationId,
  userId: UserId,
  provider: ProviderId,
  /** The provider's name, for people. */
  name: Schema.String,
  status: IntegrationStatus,
  /** Secrets are masked, but for their last four characters. */
  credentials: Schema.Record(Schema.String, Schema.Unknown),
  settings: Settings,
  accountId: Schema.NullOr(Schema.String),
  accountLabel: Schema.NullOr(Schema.String),
  /** What went wrong last, and what to do about it; null while nothing is wrong. */
  lastError: Schema.NullOr(Schema.String),
  lastErrorKind: Schema.NullOr(TroubleKind),
  lastSyncAt: Schema.NullOr(Time),
  /** When the provider last took the credentials. */
  lastVerifiedAt: Schema.NullOr(Time),
  createdAt: Time,
  updatedAt: Time
}) {}

/** A provider as the catalogue shows it. */
export class ProviderInfo extends Schema.Class<ProviderInfo>("ProviderInfo")({
  id: ProviderId,
  name: Schema.String,
  category: Schema.Literals(["crm", "email", "automation", "storage"]),
  description: Schema.String,
  documentation: Schema.String,
  logo: Schema.Struct({ monogram: Schema.String, color: Schema.String }),
  /** What it can do: `contacts`, `removeContacts`, `webhook`, `revoke`. */
  capabilities: Schema.Array(Schema.String),
  /** JSON schemas of the connect form and of the provider's own settings; secrets have `format: password`. */
  credentials: Schema.Record(Schema.String, Schema.Unknown),
  settings: Schema.Record(Schema.String, Schema.Unknown),
  /** Where the fields of a contact go by default; null for a provider without contacts. */
  fieldMapping: Schema.NullOr(Schema.Record(Schema.String, Schema.String)),
  /** Whether this user is connected. */
  isConnected: Schema.Boolean
}) {}

/** A field of a provider's contacts, which a mapping can aim at. */
export class ProviderFieldInfo extends Schema.Class<ProviderFieldInfo>("ProviderFieldInfo")({
  name: Schema.String,
  label: Schema.String,
  type: Schema.Literals(["text", "number", "boolean", "date", "choice", "lookup"]),
  required: Schema.Boolean,
  maxLength: Schema.optionalKey(Schema.Int)
}) {}
