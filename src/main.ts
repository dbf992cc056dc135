/** The whole application on one page: which layers there are, and which command runs on which of them. */
import { createServer } from "node:http"
import { NodeHttpServer, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Option } from "effect"
import { Command } from "effect/cli"
import packageJson from "../package.json" with { type: "json" }
import { BuiltInPlugins } from "../plugins/index.ts"
import { whenConfigured } from "./cli/Configuration.ts"
import { contacts } from "./cli/Contacts.ts"
import { deadLetters } from "./cli/DeadLetters.ts"
import { deliveries } from "./cli/Deliveries.ts"
import { doctor } from "./cli/Doctor.ts"
import { events } from "./cli/Events.ts"
import { explainFailures } from "./cli/Failures.ts"
import { keys } from "./cli/Keys.ts"
import { migrate } from "./cli/Migrate.ts"
import { openapi } from "./cli/OpenApi.ts"
import { serve } from "./cli/Serve.ts"
import { sql } from "./cli/Sql.ts"
import { sync } from "./cli/Sync.ts"
import { token } from "./cli/Token.ts"
import { webhooks } from "./cli/Webhooks.ts"
import { ContactExport } from "./contacts/ContactExport.ts"
import { ContactImport } from "./contacts/ContactImport.ts"
import { ContactRepo } from "./contacts/ContactRepo.ts"
import { Contacts } from "./contacts/Contacts.ts"
import { DatabaseLayer, databaseUrl } from "./database/Database.ts"
import { nexusHome } from "./database/EmbeddedPostgres.ts"
import { MigrationsLayer } from "./database/Migrations.ts"
import { PartitionsLayer } from "./database/Partitions.ts"
import { PartitionsRepo } from "./database/PartitionsRepo.ts"
import { Egress } from "./egress/Egress.ts"
import { keySetFetch } from "./egress/KeySetFetch.ts"
import { HttpServerLayer } from "./http/HttpServer.ts"
import { Tokens } from "./http/Tokens.ts"
import { Checks } from "./integrations/Checks.ts"
import { Connections } from "./integrations/Connections.ts"
import { HealthCheckLayer } from "./integrations/HealthCheck.ts"
import { IntegrationRepo } from "./integrations/IntegrationRepo.ts"
import { Integrations } from "./integrations/Integrations.ts"
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
import { SyncEngine } from "./sync/SyncEngine.ts"
import { SyncRecordRepo } from "./sync/SyncRecordRepo.ts"
import { SyncRunner } from "./sync/SyncRunner.ts"
import { SyncRunRepo } from "./sync/SyncRunRepo.ts"
import { Syncs } from "./sync/Syncs.ts"
import { SyncWorkerLayer } from "./sync/SyncWorker.ts"
import { AuditLog } from "./telemetry/AuditLog.ts"
import { AuditRepo } from "./telemetry/AuditRepo.ts"
import { GaugeRepo } from "./telemetry/GaugeRepo.ts"
import { LogsLayer } from "./telemetry/Logs.ts"
import { Keyring } from "./vault/Keyring.ts"
import { Rotation } from "./vault/Rotation.ts"
import { SealedRepo } from "./vault/SealedRepo.ts"
import { SealsLayer } from "./vault/Seals.ts"
import { Vault } from "./vault/Vault.ts"
import { Deliveries } from "./webhooks/Deliveries.ts"
import { DeliveryRepo } from "./webhooks/DeliveryRepo.ts"
import { DispatcherLayer } from "./webhooks/Dispatcher.ts"
import { DispatcherHealth } from "./webhooks/DispatcherHealth.ts"
import { HistoryRepo } from "./webhooks/HistoryRepo.ts"
import { LeaseRepo } from "./webhooks/LeaseRepo.ts"
import { RecipientRepo } from "./webhooks/RecipientRepo.ts"
import { Recipients } from "./webhooks/Recipients.ts"
import { ReplayRepo } from "./webhooks/ReplayRepo.ts"
import { Replays } from "./webhooks/Replays.ts"
import { ReplayWorkerLayer } from "./webhooks/ReplayWorker.ts"
import { RetryRepo } from "./webhooks/RetryRepo.ts"
import { Sender } from "./webhooks/Sender.ts"
import { Statistics } from "./webhooks/Statistics.ts"
import { StatRepo } from "./webhooks/StatRepo.ts"
import { Usage } from "./webhooks/Usage.ts"
import { UsageRepo } from "./webhooks/UsageRepo.ts"
import { WebhookRepo } from "./webhooks/WebhookRepo.ts"
import { Webhooks } from "./webhooks/Webhooks.ts"

/** One layer in development, which means that no `DATABASE_URL` is set, another in production. */
const byStage = <A, E1, R1, E2, R2>(
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

const Network = byStage(() => Egress.layerDevelopment, Egress.layer)
const Keys = byStage((home) => Keyring.layerFile(`${home}/encryption-keys`), Keyring.layer)
const TokensLayer = Layer.unwrap(
  Effect.map(keySetFetch, (fetch) =>
    byStage((home) => Tokens.layerFile(`${home}/jwt-secret`, fetch), Tokens.layer(fetch))
  )
).pipe(Layer.provide(Network))
const Database = MigrationsLayer.pipe(Layer.provideMerge(DatabaseLayer))

const Repositories = Layer.mergeAll(
  AuditRepo.layer,
  AutoSyncRepo.layer,
  ContactRepo.layer,
  DeadLetterRepo.layer,
  DeliveryRepo.layer,
  EmitRepo.layer,
  EventTypeRepo.layer,
  GaugeRepo.layer,
  HistoryRepo.layer,
  IntegrationRepo.layer,
  LeaseRepo.layer,
  OutboxRepo.layer,
  PartitionsRepo.layer,
  RecipientRepo.layer,
  ReplayRepo.layer,
  RetryRepo.layer,
  SealedRepo.layer,
  StatRepo.layer,
  SyncRecordRepo.layer,
  SyncRunRepo.layer,
  UsageRepo.layer,
  WebhookRepo.layer
)
const Services = Layer.mergeAll(
  AuditLog.layer,
  ContactExport.layer,
  ContactImport.layer,
  Contacts.layer,
  DeadLetters.layer,
  Deliveries.layer,
  Events.layer,
  EventTypes.layer,
  FanOut.layer,
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

const Plugins = Layer.mergeAll(BuiltInPlugins, LoadedPlugins).pipe(Layer.provideMerge(PluginRegistry.layer))
const Integrating = Layer.mergeAll(Integrations.layer, Syncs.layer).pipe(
  Layer.provideMerge(SyncEngine.layer),
  Layer.provideMerge(SyncRunner.layer),
  Layer.provideMerge(Checks.layer),
  Layer.provideMerge(Connections.layer),
  Layer.provideMerge(Sessions.layer),
  Layer.provideMerge(Plugins),
  Layer.provideMerge(Services)
)

const Dispatching = Layer.mergeAll(DispatcherLayer, HealthCheckLayer, ReplayWorkerLayer, SyncWorkerLayer).pipe(
  Layer.provide(DispatcherHealth.layer)
)
/** Readiness looks after the dispatcher only in a process that has one. */
const ServerBesideDispatcher = HttpServerLayer.pipe(Layer.provide(DispatcherHealth.layer))
const AnyPort = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

const Rotating = Rotation.layer.pipe(Layer.provide([SealedRepo.layer, Vault.layer]), Layer.provide([Keys, Database]))

const nexus = Command.make("nexus").pipe(
  Command.withDescription(
    "Signed webhooks from a Postgres outbox: what commits in the database reaches other systems, whatever crashes."
  ),
  Command.withSubcommands([
    contacts.pipe(Command.provide(Services)),
    deadLetters.pipe(Command.provide(Services)),
    deliveries.pipe(Command.provide(Services)),
    doctor(Plugins).pipe(Command.provide(Services)),
    events.pipe(Command.provide(Services)),
    keys(Rotating),
    migrate.pipe(Command.provide(DatabaseLayer)),
    openapi,
    serve.pipe(
      Command.provide(({ api, dispatch }) =>
        Layer.mergeAll(
          api ? (dispatch ? ServerBesideDispatcher : HttpServerLayer) : Layer.empty,
          dispatch ? Dispatching : Layer.empty
        ).pipe(
          Layer.provideMerge(TokensLayer),
          Layer.provide([PartitionsLayer, SealsLayer]),
          Layer.provide(Integrating),
          Layer.provideMerge(LogsLayer),
          whenConfigured(Plugins)
        )
      )
    ),
    sql.pipe(Command.provide(DatabaseLayer)),
    sync.pipe(Command.provide(Integrating)),
    token.pipe(Command.provide(TokensLayer)),
    webhooks.pipe(Command.provide(Layer.merge(Services, AnyPort)))
  ])
)

Command.run(nexus, { version: packageJson.version }).pipe(
  explainFailures,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
