/** Checks all that is configured before the service starts, so that nobody mends one variable for each start. */
import { type Config, Context, Effect, Layer, Option, Redacted, Schema, SchemaIssue } from "effect"
import { databaseUrl, poolSize } from "../database/Database.ts"
import { migratesAtStart } from "../database/Migrations.ts"
import { retention } from "../database/PartitionsRepo.ts"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { allowList } from "../egress/AllowList.ts"
import { corsOrigins } from "../http/Cors.ts"
import { listenOptions } from "../http/HttpServer.ts"
import { requestLimits } from "../http/RequestLimits.ts"
import { generateJwtSecret, noSecret, tokenSettings } from "../http/TokenSettings.ts"
import { checkRedirectUris } from "../oauth/RedirectUris.ts"
import { configuredReturnUrls } from "../oauth/ReturnUrls.ts"
import { publicUrlAt } from "../PublicUrl.ts"
import { checkHosts } from "../plugin/Hosts.ts"
import { PluginRegistry, type PluginUnusable } from "../plugin/PluginRegistry.ts"
import { logForm } from "../telemetry/Logs.ts"
import { configuredKeys, generateKey } from "../vault/Keyring.ts"
import { dispatcherLimits } from "../webhooks/Dispatcher.ts"
import { webhooksPerUser } from "../webhooks/WebhookRows.ts"

/** What a variable has to be, where the reader's own words would be a programmer's. */
const expectations: Readonly<Record<string, string>> = {
  NEXUS_LOG: "must be json or pretty",
  NEXUS_MIGRATE: "must be true or false",
  NEXUS_RETENTION: "must be a whole number of days from 1 to 3650",
  PORT: "must be a whole number from 1 to 65535, or 0 for any port that is free"
}
const count = "must be a whole number, 1 or more"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** What is wrong, variable by variable. Variables that hold secrets fail with `ConfigurationInvalid`, without them. */
const problemsOf = (error: Config.ConfigError | ConfigurationInvalid): ConfigurationInvalid["problems"] => {
  if (error instanceof ConfigurationInvalid) return error.problems
  if (!Schema.isSchemaError(error.cause)) return [{ variable: "The environment", problem: error.message }]
  return format(error.cause.issue).issues.map(({ path = [], message }) => {
    const variable = path.map(String).join("_")
    const own = message.startsWith("Expected") ? count : message
    return { variable, problem: expectations[variable] ?? own }
  })
}

/** A failed reading of one variable, in the words of {@link checkConfiguration}. */
export const explainConfigError = (error: Config.ConfigError) =>
  new ConfigurationInvalid({ problems: problemsOf(error) })

const databaseAddress = Effect.gen(function* () {
  const url = Option.map(yield* databaseUrl, (url) => URL.parse(Redacted.value(url))?.protocol ?? "")
  if (Option.isNone(url) || /^postgres(ql)?:$/.test(url.value)) return
  const problem =
    "is not an address such as postgres://user:password@host:5432/database, special characters percent-encoded"
  return yield* new ConfigurationInvalid({ problems: [{ variable: "DATABASE_URL", problem }] })
})

/** In development, which means that no `DATABASE_URL` is set, the service makes the secrets that are missing. */
const secrets = Effect.gen(function* () {
  const isDevelopment = Option.isNone(yield* databaseUrl)
  const keys = configuredKeys(isDevelopment ? Effect.suspend(generateKey) : Effect.succeed(Redacted.make("")))
  const tokens = isDevelopment ? tokenSettings(generateJwtSecret) : tokenSettings(noSecret)
  return yield* everyProblem([keys, tokens])
})

/** Runs all readings and fails with the problems of all that failed. */
const everyProblem = Effect.fnUntraced(function* (
  readings: ReadonlyArray<Effect.Effect<unknown, Config.ConfigError | ConfigurationInvalid>>
) {
  const results = yield* Effect.forEach(readings, (reading) =>
    Effect.match(reading, { onSuccess: () => [], onFailure: problemsOf })
  )
  const problems = results.flat()
  if (problems.length > 0) return yield* new ConfigurationInvalid({ problems })
})

/** The plugins of the service, as far as their variables go. */
export type Plugins = Layer.Layer<PluginRegistry, PluginUnusable | Config.ConfigError>

/** Loads the plugins, and looks at where their hosts and redirect URIs point; gives the providers. */
export const loadedProviders = (plugins: Plugins) =>
  Effect.scoped(Layer.build(plugins)).pipe(
    Effect.flatMap((context) => Context.get(context, PluginRegistry).all),
    Effect.tap(checkHosts),
    Effect.tap(checkRedirectUris),
    Effect.catchTag("PluginUnusable", ({ message }) => {
      const problem = `is wrong. ${message}`
      return Effect.fail(new ConfigurationInvalid({ problems: [{ variable: "NEXUS_PLUGINS", problem }] }))
    })
  )

/** Reads every variable of the service, and fails with all that are missing or wrong at once. */
export const checkConfiguration = (plugins: Plugins) =>
  everyProblem([
    databaseAddress,
    poolSize,
    migratesAtStart,
    retention,
    secrets,
    listenOptions,
    publicUrlAt(0),
    corsOrigins,
    configuredReturnUrls,
    ...Object.values(requestLimits),
    allowList,
    webhooksPerUser,
    ...Object.values(dispatcherLimits),
    logForm,
    loadedProviders(plugins)
  ])

/** A layer that is built only when all is configured as it has to be. */
export const whenConfigured =
  (plugins: Plugins) =>
  <A, E, R>(layer: Layer.Layer<A, E, R>) =>
    Layer.unwrap(Effect.as(checkConfiguration(plugins), layer))
