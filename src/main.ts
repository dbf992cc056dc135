/** The whole application on one page: which layers there are, and which command runs on which of them. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Option } from "effect"
import { Command } from "effect/cli"
import packageJson from "../package.json" with { type: "json" }
import { explainFailures } from "./cli/Failures.ts"
import { keys } from "./cli/Keys.ts"
import { migrate } from "./cli/Migrate.ts"
import { serve } from "./cli/Serve.ts"
import { sql } from "./cli/Sql.ts"
import { token } from "./cli/Token.ts"
import { DatabaseLayer, databaseUrl } from "./database/Database.ts"
import { nexusHome } from "./database/EmbeddedPostgres.ts"
import { MigrationsLayer } from "./database/Migrations.ts"
import { PartitionsLayer } from "./database/Partitions.ts"
import { PartitionsRepo } from "./database/PartitionsRepo.ts"
import { Egress } from "./egress/Egress.ts"
import { keySetFetch } from "./egress/KeySetFetch.ts"
import { Tokens } from "./http/Tokens.ts"
import { FanOut } from "./outbox/FanOut.ts"
import { OutboxRepo } from "./outbox/OutboxRepo.ts"
import { Keyring } from "./vault/Keyring.ts"
import { Vault } from "./vault/Vault.ts"
import { DeliveryRepo } from "./webhooks/DeliveryRepo.ts"
import { DispatcherLayer } from "./webhooks/Dispatcher.ts"
import { DispatcherHealth } from "./webhooks/DispatcherHealth.ts"
import { LeaseRepo } from "./webhooks/LeaseRepo.ts"
import { RecipientRepo } from "./webhooks/RecipientRepo.ts"
import { Recipients } from "./webhooks/Recipients.ts"
import { ReplayRepo } from "./webhooks/ReplayRepo.ts"
import { ReplayWorkerLayer } from "./webhooks/ReplayWorker.ts"
import { Sender } from "./webhooks/Sender.ts"
import { Statistics } from "./webhooks/Statistics.ts"
import { StatRepo } from "./webhooks/StatRepo.ts"

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
  DeliveryRepo.layer,
  LeaseRepo.layer,
  OutboxRepo.layer,
  PartitionsRepo.layer,
  RecipientRepo.layer,
  ReplayRepo.layer,
  StatRepo.layer
)
const Services = Layer.mergeAll(FanOut.layer, Recipients.layer, Sender.layer, Statistics.layer).pipe(
  Layer.provideMerge(Layer.mergeAll(DispatcherHealth.layer, Network, Vault.layer.pipe(Layer.provide(Keys)))),
  Layer.provideMerge(Repositories),
  Layer.provideMerge(Database)
)

const nexus = Command.make("nexus").pipe(
  Command.withDescription(
    "Signed webhooks from a Postgres outbox, and contacts in step with the providers of your users."
  ),
  Command.withSubcommands([
    keys,
    migrate.pipe(Command.provide(DatabaseLayer)),
    serve.pipe(
      Command.provide(({ dispatch }) =>
        Layer.mergeAll(
          dispatch ? Layer.mergeAll(DispatcherLayer, ReplayWorkerLayer) : Layer.empty,
          PartitionsLayer,
          TokensLayer
        ).pipe(Layer.provide(Services))
      )
    ),
    sql.pipe(Command.provide(DatabaseLayer)),
    token.pipe(Command.provide(TokensLayer))
  ])
)

Command.run(nexus, { version: packageJson.version }).pipe(
  explainFailures,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
