/** The application: which command runs on which layers. `Services.ts` has the services themselves. */

import { createServer } from "node:http"
import { NodeHttpServer, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
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
import { plugin } from "./cli/Plugin.ts"
import { serve } from "./cli/Serve.ts"
import { sql } from "./cli/Sql.ts"
import { sync } from "./cli/Sync.ts"
import { token } from "./cli/Token.ts"
import { webhooks } from "./cli/Webhooks.ts"
import { DatabaseLayer } from "./database/Database.ts"
import { PartitionsLayer } from "./database/Partitions.ts"
import { version } from "./domain/Version.ts"
import { keySetFetch } from "./egress/KeySetFetch.ts"
import { HttpServerLayer } from "./http/HttpServer.ts"
import { Tokens } from "./http/Tokens.ts"
import { HealthCheckLayer } from "./integrations/HealthCheck.ts"
import { byStage, Database, Integrating, Keys, Network, Plugins, Services } from "./Services.ts"
import { SyncWorkerLayer } from "./sync/SyncWorker.ts"
import { LogsLayer } from "./telemetry/Logs.ts"
import { Rotation } from "./vault/Rotation.ts"
import { SealedRepo } from "./vault/SealedRepo.ts"
import { SealsLayer } from "./vault/Seals.ts"
import { Vault } from "./vault/Vault.ts"
import { DispatcherLayer } from "./webhooks/Dispatcher.ts"
import { DispatcherHealth } from "./webhooks/DispatcherHealth.ts"
import { ReplayWorkerLayer } from "./webhooks/ReplayWorker.ts"

const TokensLayer = Layer.unwrap(
  Effect.map(keySetFetch, (fetch) =>
    byStage((home) => Tokens.layerFile(`${home}/jwt-secret`, fetch), Tokens.layer(fetch))
  )
).pipe(Layer.provide(Network))
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
    plugin(BuiltInPlugins),
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

Command.run(nexus, { version }).pipe(
  explainFailures,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
