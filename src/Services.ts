/** Every service of the application, wired once: `main.ts` runs commands on it, `index.ts` offers it to applications. */
import { Effect, Layer, Option } from "effect"
import { BuiltInPlugins } from "../plugins/index.ts"
import { ContactExport } from "./contacts/ContactExport.ts"
import { ContactImport } from "./contacts/ContactImport.ts"
import { ContactRepo } from "./contacts/ContactRepo.ts"
import { Contacts } from "./contacts/Contacts.ts"
import { DatabaseLayer, databaseUrl } from "./database/Database.ts"
import { nexusHome } from "./database/EmbeddedPostgres.ts"
import { MigrationsLayer } from "./database/Migrations.ts"
import { PartitionsRepo } from "./database/PartitionsRepo.ts"
import { Egress } from "./egress/Egress.ts"
import { FileUploads } from "./files/FileUploads.ts"
import { Checks } from "./integrations/Checks.ts"
import { Connections } from "./integrations/Connections.ts"
import { IntegrationRepo } from "./integrations/IntegrationRepo.ts"
import { Integrations } from "./integrations/Integrations.ts"
import { MemoryRepo } from "./integrations/MemoryRepo.ts"
import { StoredCredentials } from "./integrations/StoredCredentials.ts"
import { OAuthClients } from "./oauth/OAuthClients.ts"
import { RefreshRepo } from "./oauth/RefreshRepo.ts"
import { TokenEndpoint } from "./oauth/TokenEndpoint.ts"
import { TokenRefresh } from "./oauth/TokenRefresh.ts"
import { DeadLetterRepo } from "./outbox/DeadLetterRepo.ts"
import { DeadLetters } from "./outbox/DeadLetters.ts"
import { EmitRepo } from "./outbox/EmitRepo.ts"
import { Events } from "./outbox/Events.ts"
import { EventTypeRepo } from "./outbox/EventTypeRepo.ts"
import { EventTypes } from "./outbox/EventTypes.ts"
import { FanOut } from "./outbox/FanOut.ts"
import { OutboxRepo } from "./outbox/OutboxRepo.ts"
import { LoadedPlugins } from "./plugin/PluginLoader.ts"
import { PluginRegistry } from "./plugin/PluginRegistry.ts"
import { Sessions } from "./plugin/Sessions.ts"
import { AutoSyncRepo } from "./sync/AutoSyncRepo.ts"
import { ExportRepo } from "./sync/ExportRepo.ts"
import { SyncEngine } from "./sync/SyncEngine.ts"
import { SyncRecordRepo } from "./sync/SyncRecordRepo.ts"
import { SyncRunner } from "./sync/SyncRunner.ts"
import { SyncRunRepo } from "./sync/SyncRunRepo.ts"
import { Syncs } from "./sync/Syncs.ts"
import { AuditLog } from "./telemetry/AuditLog.ts"
import { AuditRepo } from "./telemetry/AuditRepo.ts"
import { GaugeRepo } from "./telemetry/GaugeRepo.ts"
import { Keyring } from "./vault/Keyring.ts"
import { SealedRepo } from "./vault/SealedRepo.ts"
import { Vault } from "./vault/Vault.ts"
import { Deliveries } from "./webhooks/Deliveries.ts"
import { DeliveryRepo } from "./webhooks/DeliveryRepo.ts"
import { HistoryRepo } from "./webhooks/HistoryRepo.ts"
import { LeaseRepo } from "./webhooks/LeaseRepo.ts"
import { ManagedWebhooks } from "./webhooks/ManagedWebhooks.ts"
import { RecipientRepo } from "./webhooks/RecipientRepo.ts"
import { Recipients } from "./webhooks/Recipients.ts"
import { ReplayRepo } from "./webhooks/ReplayRepo.ts"
import { Replays } from "./webhooks/Replays.ts"
import { RetryRepo } from "./webhooks/RetryRepo.ts"
import { Sender } from "./webhooks/Sender.ts"
import { Statistics } from "./webhooks/Statistics.ts"
import { StatRepo } from "./webhooks/StatRepo.ts"
import { Usage } from "./webhooks/Usage.ts"
import { UsageRepo } from "./webhooks/UsageRepo.ts"
import { WebhookRepo } from "./webhooks/WebhookRepo.ts"
import { Webhooks } from "./webhooks/Webhooks.ts"

/** One layer in development, which means that no `DATABASE_URL` is set, another in production. */
export const byStage = <A, E1, R1, E2, R2>(
  development: (home: string) => Layer.Layer<A, E1, R1>,
  production: Layer.Layer<A, E2, R2>
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const layer: Layer.Layer<A, E1 | E2, R1 | R2> = Option.isNone(yield* databaseUrl)
        ? development(yield* nexusHome)
        : production
      return layer
    })
  )

export const Network = byStage(() => Egress.layerDevelopment, Egress.layer)
export const Keys = byStage((home) => Keyring.layerFile(`${home}/encryption-keys`), Keyring.layer)
export const Database = MigrationsLayer.pipe(Layer.provideMerge(DatabaseLayer))

const Repositories = Layer.mergeAll(
  AuditRepo.layer,
  AutoSyncRepo.layer,
  ContactRepo.layer,
  DeadLetterRepo.layer,
  DeliveryRepo.layer,
  EmitRepo.layer,
  EventTypeRepo.layer,
  ExportRepo.layer,
  GaugeRepo.layer,
  HistoryRepo.layer,
  IntegrationRepo.layer,
  LeaseRepo.layer,
  MemoryRepo,
  OutboxRepo.layer,
  PartitionsRepo.layer,
  RecipientRepo.layer,
  RefreshRepo.layer,
  ReplayRepo.layer,
  RetryRepo.layer,
  SealedRepo.layer,
  StatRepo.layer,
  SyncRecordRepo.layer,
  SyncRunRepo.layer,
  UsageRepo.layer,
  WebhookRepo.layer
)
export const Services = Layer.mergeAll(
  AuditLog.layer,
  ContactExport.layer,
  ContactImport.layer,
  Contacts.layer,
  DeadLetters.layer,
  Deliveries.layer,
  Events.layer,
  EventTypes.layer,
  FanOut.layer,
  ManagedWebhooks.layer,
  Recipients.layer,
  Replays.layer,
  Sender.layer,
  Statistics.layer,
  Usage.layer,
  Webhooks.layer
).pipe(
  Layer.provideMerge(Layer.mergeAll(Network, Vault.layer.pipe(Layer.provide(Keys)))),
  Layer.provideMerge(Repositories),
  Layer.provideMerge(Database)
)

export const Plugins = Layer.mergeAll(BuiltInPlugins, LoadedPlugins).pipe(Layer.provideMerge(PluginRegistry.layer))
export const Integrating = Layer.mergeAll(FileUploads.layer, Integrations.layer, Syncs.layer).pipe(
  Layer.provideMerge(SyncEngine.layer),
  Layer.provideMerge(SyncRunner.layer),
  Layer.provideMerge(Checks.layer),
  Layer.provideMerge(Connections.layer),
  Layer.provideMerge(TokenRefresh.layer),
  Layer.provideMerge(Layer.mergeAll(Sessions.layer, OAuthClients.layer, StoredCredentials.layer, TokenEndpoint.layer)),
  Layer.provideMerge(Plugins),
  Layer.provideMerge(Services)
)
