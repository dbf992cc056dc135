import { Config, Effect, Layer, Logger, Option } from "effect"
import { databaseUrl } from "../database/Database.ts"

/** The form of the logs, where it is set. */
export const logForm = Config.option(Config.Literals(["json", "pretty"], "NEXUS_LOG"))

/**
 * How the service logs: `NEXUS_LOG` is `json` (one line for each event) or `pretty` (for people). By default JSON in
 * production, which means with a `DATABASE_URL`, and pretty in development.
 */
export const LogsLayer = Layer.unwrap(
  Effect.gen(function* () {
    const configured = yield* logForm
    const byDefault = Option.isSome(yield* databaseUrl) ? "json" : "pretty"
    const form = Option.getOrElse(configured, () => byDefault)
    return Logger.layer([form === "json" ? Logger.consoleJson : Logger.consolePretty()])
  })
)
