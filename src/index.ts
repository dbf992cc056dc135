/**
 * The package in the process of a Node application: the calls of the product documentation, as Promises over the same
 * services that the HTTP API uses. They connect at the first call to the database of `DATABASE_URL`; in development, which
 * means that it is not set, to the embedded one that a service started in the same folder uses.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, Schema, Stream } from "effect"
import { DatabaseLayer } from "./database/Database.ts"
import { UserId } from "./domain/Ids.ts"
import { Integration } from "./domain/Integration.ts"
import { NewSync, SyncAnswer } from "./domain/Sync.ts"
import { FileUploads } from "./files/FileUploads.ts"
import { Integrations } from "./integrations/Integrations.ts"
import { EmitRepo } from "./outbox/EmitRepo.ts"
import { Events } from "./outbox/Events.ts"
import type { StoredFile } from "./plugin/Files.ts"
import { Integrating } from "./Services.ts"
import { Syncs } from "./sync/Syncs.ts"

export { WebhookEventType } from "./domain/EventType.ts"

/** The providers of the product documentation, by id. Plugins may bring more. */
export const IntegrationProvider = {
  SALESFORCE: "SALESFORCE",
  HUBSPOT: "HUBSPOT",
  ZOHO: "ZOHO",
  MAILCHIMP: "MAILCHIMP",
  SENDGRID: "SENDGRID",
  ZAPIER: "ZAPIER",
  GOOGLE_DRIVE: "GOOGLE_DRIVE",
  DROPBOX: "DROPBOX"
} as const

/** An integration as the HTTP API shows it: secrets masked, times as ISO 8601. */
export type ConnectedIntegration = typeof Integration.Encoded

/** What a sync did, as the HTTP API answers it. */
export type SyncResult = typeof SyncAnswer.Encoded

/** Events need the database and nothing else: no key, no provider. */
const eventsRuntime = ManagedRuntime.make(
  Events.layer.pipe(Layer.provide(EmitRepo.layer), Layer.provide(DatabaseLayer), Layer.provide(NodeServices.layer))
)

/** Integrations need what the service needs: `NEXUS_ENCRYPTION_KEYS`, and the variables of plugins and hosts. */
const integrationsRuntime = ManagedRuntime.make(Integrating.pipe(Layer.provide(NodeServices.layer)))

/** Which integration credentials belong to, as they were given away: masked, and good for calls of this package. */
const integrationOf = new WeakMap<object, Integration>()

const decodeUserId = Schema.decodeEffect(UserId)
const encodeIntegration = Schema.encodeEffect(Integration)
const encodeAnswer = Schema.encodeEffect(SyncAnswer)

/** Webhooks, from inside an application. */
export const webhooksService = {
  /**
   * Stores an event for a user, from where it goes to the user's webhooks. Resolves with the event's id once it is
   * committed: it is delivered at least once, or stands visible as failed. Rejects when the event type is unknown, the
   * data is not an object or does not fit the type's schema, or the database can't be reached.
   *
   * An application that writes to the same Postgres anyway can commit the event together with its own change:
   * `sql/README.md`.
   *
   * @param eventType one of `WebhookEventType`, or the name of a custom type
   * @param data what the event's `data` becomes; at most 256 KiB as JSON
   */
  triggerEvent: (userId: string, eventType: string, data: object): Promise<{ readonly id: string }> =>
    eventsRuntime.runPromise(
      Effect.gen(function* () {
        const events = yield* Events
        const accepted = yield* events.emit({
          userId: yield* decodeUserId(userId),
          eventType,
          payload: JSON.stringify(data)
        })
        return { id: accepted.id }
      })
    )
}

/** Integrations, from inside an application. */
export const integrationsService = {
  /** A user's integrations, by provider. */
  listIntegrations: (userId: string): Promise<ReadonlyArray<ConnectedIntegration>> =>
    integrationsRuntime.runPromise(
      Effect.gen(function* () {
        const integrations = yield* Integrations
        return yield* Effect.forEach(yield* integrations.list(yield* decodeUserId(userId)), (found) =>
          encodeIntegration(found)
        )
      })
    ),

  /**
   * Brings a user's contacts to a provider and resolves when that is done, or after 25 seconds with `state` `RUNNING` or
   * `WAITING`: then it goes on in this process, and in another one when this ends. Rejects when the provider is not
   * connected, paused or refuses, when another sync of it is not over, or takes no contacts.
   *
   * @param options `full` sends every contact, `dryRun` only counts
   */
  syncContacts: (
    userId: string,
    provider: string,
    options: { readonly full?: boolean; readonly dryRun?: boolean } = {}
  ): Promise<SyncResult> =>
    integrationsRuntime.runPromise(
      Effect.gen(function* () {
        const syncs = yield* Syncs
        const actor = { userId: yield* decodeUserId(userId), actor: userId, address: null }
        return yield* encodeAnswer(yield* syncs.start(actor, provider, new NewSync(options)))
      })
    )
}

/** Integrations as they are stored. */
export const integrationsRepository = {
  /**
   * A user's integration of a provider; null when it is not connected, or no plugin stands for the provider. Its
   * `credentials` are masked; that very object is what `uploadFile` takes, which opens the real ones itself.
   */
  findByUserAndProvider: (userId: string, provider: string): Promise<ConnectedIntegration | null> =>
    integrationsRuntime.runPromise(
      Effect.gen(function* () {
        const integrations = yield* Integrations
        const found = yield* integrations.get(yield* decodeUserId(userId), provider)
        const shown = yield* encodeIntegration(found)
        integrationOf.set(shown.credentials, found)
        return shown
      }).pipe(Effect.catchTag(["NotConnected", "UnknownProvider"], () => Effect.succeed(null)))
    )
}

/** A file that an application uploads. */
export interface FileToUpload {
  readonly name: string
  readonly content: Uint8Array | string
  /** `text/csv` */
  readonly mimeType: string
}

/** A file as the provider has it. */
export type UploadedFile = StoredFile

const uploadsTo = (provider: keyof typeof IntegrationProvider) => ({
  /**
   * Uploads a file, and resolves once the provider has it whole. Its token is renewed where it must be, and a cut
   * connection is no failure. Rejects with what happened and what to do: the storage is full, the access was withdrawn.
   *
   * @param credentials of an integration as `integrationsRepository.findByUserAndProvider` gave it, the very object
   */
  uploadFile: (credentials: ConnectedIntegration["credentials"], file: FileToUpload): Promise<UploadedFile> =>
    integrationsRuntime.runPromise(
      Effect.gen(function* () {
        const integration = integrationOf.get(credentials)
        if (integration === undefined) return yield* new CredentialsUnknown()
        if (integration.provider !== provider) {
          return yield* new OtherProvider({ wanted: provider, given: integration.provider })
        }
        const { name, content, mimeType } = file
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
        return yield* (yield* FileUploads).upload(integration.id, { name, mimeType }, Stream.succeed(bytes))
      })
    )
})

/** Google Drive, from inside an application. */
export const googleDriveService = uploadsTo("GOOGLE_DRIVE")

/** Dropbox, from inside an application. */
export const dropboxService = uploadsTo("DROPBOX")

/** Credentials that nobody was given. */
export class CredentialsUnknown extends Schema.TaggedError<CredentialsUnknown>()("CredentialsUnknown", {}) {
  override get message() {
    return "These are not the credentials of an integration. Pass integration.credentials of what integrationsRepository.findByUserAndProvider gave, not a copy of it"
  }
}

/** Credentials of another provider than the one that is to take the file. */
export class OtherProvider extends Schema.TaggedError<OtherProvider>()("OtherProvider", {
  wanted: Schema.String,
  given: Schema.String
}) {
  override get message() {
    return `These are the credentials of ${this.given}, and the file was to go to ${this.wanted}`
  }
}

/** Ends the connections that the calls above opened; an application calls it when it ends. */
export const close = async (): Promise<void> => {
  await Promise.all([eventsRuntime.dispose(), integrationsRuntime.dispose()])
}
