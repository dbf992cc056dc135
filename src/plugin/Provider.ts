/** The contract between this service and a plugin. */
import type { DateTime, Duration, Effect, Redacted, Schema } from "effect"
import type { HttpClient } from "effect/http"
import type { ProviderId } from "../domain/Ids.ts"
import type { Files, SessionFiles } from "./Files.ts"
import type { Memory } from "./Memory.ts"
import type { OAuth } from "./OAuth.ts"
import type { Outcome } from "./Outcome.ts"
import type { ProviderError } from "./ProviderError.ts"

/** The version of this contract; a plugin says which one it was written for. */
export const contractVersion = 1

export type Category = "crm" | "email" | "automation" | "storage"

/** The fields of a contact that a mapping can start from, beside `customFields.<name>`. */
export type ContactField = "firstName" | "lastName" | "email" | "phone" | "company" | "jobTitle"

/** The provider's account behind an integration. */
export interface Account {
  /** The provider's id of it. Reconnecting to another account forgets what was sent to this one. */
  readonly id: string
  /** What its user calls it: a company's name, an address. */
  readonly label: string
}

/** A field of the provider's contacts. */
export interface ProviderField {
  /** The provider's own name of it, as mappings use it. */
  readonly name: string
  /** What the provider's user interface calls it. */
  readonly label: string
  readonly type: "text" | "number" | "boolean" | "date" | "choice" | "lookup"
  /** Whether a contact without it is refused. */
  readonly required: boolean
  /** Characters, where there is a limit. */
  readonly maxLength?: number
}

/** A contact as it goes to a provider. */
export interface OutgoingContact {
  /** The id here; the same for ever. */
  readonly id: string
  /** In lower case, without spaces around it; no two of a batch are the same. */
  readonly email: string
  /** By the provider's field names, the email among them if it is mapped. Empty values are left out. */
  readonly fields: Readonly<Record<string, string | number | boolean>>
  readonly tags: ReadonlyArray<string>
  /** The provider's id of it, as an earlier outcome gave it; null for one that was never synced. */
  readonly externalId: string | null
}

/** A contact that was synced before and is to go. */
export type RemovedContact = Pick<OutgoingContact, "id" | "email" | "externalId">

/** One user's connection, as the functions of a plugin get it. */
export interface Connection<Credentials, Settings> {
  /** As the plugin's schema decodes them; secrets are `Redacted`. */
  readonly credentials: Credentials
  /** The plugin's own settings of the integration, defaults filled in. */
  readonly settings: Settings
  /**
   * Sends requests, to the declared hosts alone. It keeps to the declared limits, waits when the provider throttles,
   * follows no redirect, and fails with a `ProviderError`; an answer of any other status is the plugin's to read.
   */
  readonly http: HttpClient.HttpClient.With<ProviderError>
  readonly memory: Memory
}

/** What the service lends a session. */
export type Lent = Pick<Connection<never, never>, "http" | "memory">

/** What of an answer tells whether the provider throttles. */
export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** The provider asks for patience. */
export interface Throttle {
  /** `rate`: too many requests just now; `quota`: the allowance of the day or the plan is used up. */
  readonly kind: "rate" | "quota"
  /** How long; left out where the provider doesn't say, and then the wait grows from a second on. */
  readonly retryAfter?: Duration.Input
}

/** How much a provider takes from one integration. */
export interface Limits {
  /** Requests in flight at once. */
  readonly concurrency: number
  /** Requests in a window of time; left out where there is no such limit. */
  readonly requests?: { readonly limit: number; readonly window: Duration.Input }
  /** Reads whether an answer is a throttled one; `now` is for headers that give a time of day. */
  readonly throttled: (answer: Answer, now: DateTime.Utc) => Throttle | undefined
}

/** What a plugin does with contacts. */
export interface Contacts<Credentials, Settings> {
  /** Contacts in one call of `upsert`. */
  readonly batchSize: number
  /** Where the fields of a contact go unless the integration has a mapping of its own. */
  readonly mapping: Readonly<Partial<Record<ContactField, string>>>
  /** The fields that a mapping may aim at. */
  readonly describeFields: (
    connection: Connection<Credentials, Settings>
  ) => Effect.Effect<ReadonlyArray<ProviderField>, ProviderError>
  /**
   * Brings contacts to the provider, matched by email, and gives one outcome for each, in their order. It may be called
   * again with the same contacts at any time, after an answer that was lost too, and must make no duplicates then.
   */
  readonly upsert: (
    connection: Connection<Credentials, Settings>,
    batch: ReadonlyArray<OutgoingContact>
  ) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
  /**
   * Asks what became of contacts that were `Accepted` with this job: one outcome for each, in their order; `Accepted`
   * again while the job runs.
   */
  readonly poll?: (
    connection: Connection<Credentials, Settings>,
    job: string,
    batch: ReadonlyArray<OutgoingContact>
  ) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
  /**
   * Removes contacts from where this integration put them, the least that the provider offers (archive, trash, list).
   * One that is not there is a success. Gives an outcome for each: `Updated`, `Unchanged` when it was not there, or
   * `Rejected`.
   */
  readonly remove?: (
    connection: Connection<Credentials, Settings>,
    batch: ReadonlyArray<RemovedContact>
  ) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
}

/** A struct of fields, such as `Schema.Struct({ accessToken: secret({ … }) })`. */
export interface FormSchema<A> extends Schema.Codec<A, unknown> {
  readonly fields: Schema.Struct.Fields
}

/** What a plugin declares; everything else is derived from it. */
export interface ProviderDefinition<Credentials, Settings> {
  /** Unique, upper case: `HUBSPOT`. */
  readonly id: string
  /** `HubSpot` */
  readonly name: string
  readonly category: Category
  /** One sentence: what connecting it does. */
  readonly description: string
  /** Where the provider explains its API. */
  readonly documentation: string
  /** A monogram of one or two letters and its colour, `#rrggbb`. */
  readonly logo: { readonly monogram: string; readonly color: string }
  /** The version of this contract that the plugin was written for, 1. */
  readonly contract: typeof contractVersion
  /**
   * The only hosts that the plugin can reach, by name: `{ api: "https://api.hubapi.com" }`. `*` stands for one or more
   * labels where the customer's own host comes with the credentials: `https://*.salesforce.com`. Each can be pointed
   * elsewhere with `NEXUS_HOST_<PROVIDER>_<NAME>`; requests then carry the real host in `X-Forwarded-Host`.
   */
  readonly hosts: Readonly<Record<string, string | ReadonlyArray<string>>>
  /** The connect form, made of the functions of `CredentialField.ts`; with `oauth`, `tokenFields` among them. */
  readonly credentials: FormSchema<Credentials>
  /** How users connect it in the browser, beside the form. */
  readonly oauth?: OAuth
  /** Settings of the plugin's own; it has to decode `{}`, with every default filled in. */
  readonly settings: FormSchema<Settings>
  readonly limits: Limits
  /** Reads, and changes nothing: proves that the credentials work and tells whose account it is. */
  readonly verify: (connection: Connection<Credentials, Settings>) => Effect.Effect<Account, ProviderError>
  /** Makes the credentials useless at the provider; left out where it has no way to do that. */
  readonly revoke?: (connection: Connection<Credentials, Settings>) => Effect.Effect<void, ProviderError>
  readonly contacts?: Contacts<Credentials, Settings>
  readonly files?: Files<Credentials, Settings>
  /** The URL that all of the user's events go to. */
  readonly webhook?: (credentials: Credentials) => Redacted.Redacted<string>
}

/** A provider's functions with one user's connection filled in. */
export interface Session {
  readonly verify: Effect.Effect<Account, ProviderError>
  readonly revoke: Effect.Effect<void, ProviderError> | undefined
  readonly webhook: Redacted.Redacted<string> | undefined
  readonly contacts: SessionContacts | undefined
  readonly files: SessionFiles | undefined
}

export interface SessionContacts {
  readonly describeFields: Effect.Effect<ReadonlyArray<ProviderField>, ProviderError>
  upsert(batch: ReadonlyArray<OutgoingContact>): Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
  /** Undefined where nothing is ever `Accepted`. */
  readonly poll:
    | ((job: string, batch: ReadonlyArray<OutgoingContact>) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>)
    | undefined
  /** Undefined where the provider's contacts can't be removed. */
  readonly remove:
    | ((batch: ReadonlyArray<RemovedContact>) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>)
    | undefined
}

/** A provider as the service sees it, whatever its credentials and settings look like inside. */
export interface Provider
  extends Pick<
    ProviderDefinition<never, never>,
    "name" | "category" | "description" | "documentation" | "logo" | "contract" | "hosts" | "limits"
  > {
  readonly id: ProviderId
  readonly credentials: FormSchema<unknown>
  readonly settings: FormSchema<unknown>
  readonly oauth: OAuth | undefined
  readonly contacts: Pick<Contacts<never, never>, "batchSize" | "mapping"> | undefined
  readonly hasFiles: boolean
  readonly hasWebhook: boolean
  readonly canRevoke: boolean
  readonly canRemove: boolean
  /** Fills in a connection; fails when credentials or settings don't fit the plugin's schemas. */
  session(credentials: unknown, settings: unknown, lent: Lent): Effect.Effect<Session, Schema.SchemaError>
}

/** A provider that can be connected in the browser. */
export interface OAuthProvider extends Provider {
  readonly oauth: OAuth
}

export const hasOAuth = (provider: Provider): provider is OAuthProvider => provider.oauth !== undefined
