/**
 * `npm run demo`: the service with every provider emulated on this machine, and filled in: nothing of it leaves the
 * machine. Its state is its own (`.nexus/demo`) and begins anew every time; `env` in it has what other commands need to
 * act on the demo.
 */
import process from "node:process"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Effect, FileSystem, Layer, Option, Path, Redacted, Schedule } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { generateJwtSecret } from "../src/http/TokenSettings.ts"
import { type Emulated, hostVariables, startEmulators } from "./Emulators.ts"
import { startFrontEnd } from "./FrontEnd.ts"
import { DemoFailed, makeNexusClient } from "./NexusClient.ts"
import { oauthVariables } from "./OAuthVariables.ts"
import { startReceivers } from "./Receivers.ts"
import { keepAlive, seedPoor, seedRich } from "./Seeds.ts"
import { makeTokens } from "./Tokens.ts"

const settings = Config.all({
  port: Config.Port("PORT").pipe(Config.withDefault(3001)),
  frontEndPort: Config.option(Config.Port("FRONT_END_PORT")),
  home: Config.String("NEXUS_HOME").pipe(
    Config.withDefault(".nexus"),
    Config.map((home) => `${home}/demo`)
  )
})

/** The service in a process of its own, as `npm start` runs it, with nothing of this process's settings. */
const startService = Effect.fnUntraced(function* (variables: Readonly<Record<string, string>>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const { PATH = "", HOME = "" } = process.env
  const command = ChildProcess.make(process.execPath, ["bin/nexus.js", "serve"], {
    env: { PATH, HOME, ...variables },
    stdout: "ignore",
    stderr: "inherit"
  })
  return yield* spawner.spawn(command)
})

/** Writes variables as a file that a shell reads with `.`, for its owner alone. */
const writeEnvironment = Effect.fnUntraced(function* (file: string, variables: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
  yield* fs.writeFileString(file, lines.join(""), { mode: 0o600 })
})

/** Another service on the port would get the demo's requests, and another demo would lose its state to this one. */
const refuseTaken = Effect.fnUntraced(function* (url: string, port: number) {
  const http = yield* HttpClient.HttpClient
  const isTaken = yield* http.get(url).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )
  const message = `Port ${port} is taken: something answers at ${url}. Stop it, or choose another port: PORT=4001 npm run demo`
  if (isTaken) return yield* new DemoFailed({ message })
})

const isReady = (url: string) =>
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    const { status } = yield* http.get(`${url}/readyz`)
    if (status !== 200) return yield* new DemoFailed({ message: "The service does not become ready" })
  }).pipe(Effect.retry({ times: 240, schedule: Schedule.spaced("250 millis") }))

const summary = (
  url: string,
  frontEnd: string,
  tokens: { readonly rich: string; readonly poor: string },
  emulated: ReadonlyArray<Emulated>,
  environment: string
) =>
  [
    "",
    `  The demo is ready in the browser: ${frontEnd}   (the page of a product, whose users connect providers)`,
    `  The service: ${url}   (documentation: ${url}/docs)`,
    "",
    "  user-1 has everything: integrations in every status, webhooks that work, fail and hang. Token:",
    `  ${tokens.rich}`,
    "",
    "  user-2 has contacts and nothing else, for trying it by hand. Token:",
    `  ${tokens.poor}`,
    "",
    "  What the emulated providers take, and what they refuse:",
    ...emulated.flatMap(({ provider, emulator, server }) => [
      `  ${provider.padEnd(14)} ${server.url}`,
      `    takes    ${JSON.stringify({ provider, credentials: emulator.credentials })}`,
      ...(emulator.refused === undefined
        ? []
        : [`    refuses  ${JSON.stringify({ provider, credentials: emulator.refused })}`])
    ]),
    "",
    "  Next, in another terminal:",
    `    . ${environment}                     # npx nexus acts on the demo then`,
    "    TOKEN=$(npx nexus token --user user-2)",
    `    curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" ${url}/integrations/connect -d '<one of the lines above>'`,
    `    curl -H "Authorization: Bearer $TOKEN" -X POST ${url}/integrations/HUBSPOT/sync`,
    "  Ctrl-C stops everything.",
    ""
  ].join("\n")

const demo = Effect.gen(function* () {
  const { port, frontEndPort, home: chosen } = yield* settings
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = path.resolve(chosen)
  const url = `http://localhost:${port}`
  yield* refuseTaken(url, port)
  const secret = yield* generateJwtSecret
  const token = yield* makeTokens(secret)
  const frontEnd = yield* startFrontEnd({
    port: Option.getOrElse(frontEndPort, () => port + 1),
    api: url,
    tokens: { "user-1": yield* token("user-1"), "user-2": yield* token("user-2") }
  })
  yield* fs.remove(home, { recursive: true, force: true })
  const emulated = yield* startEmulators
  const receivers = yield* startReceivers

  yield* Console.log("The demo starts: a database, the service, and emulated providers ...")
  const variables = {
    ...hostVariables(emulated),
    ...(yield* oauthVariables(emulated, url)),
    CORS_ORIGINS: frontEnd,
    RETURN_URLS: `${frontEnd}/integrations`,
    JWT_SECRET: Redacted.value(secret),
    NEXUS_HOME: home,
    PORT: String(port)
  }
  const service = yield* startService(variables)
  const ended = Effect.flatMap(service.exitCode, (code) =>
    Effect.fail(new DemoFailed({ message: `The service ended with code ${code}; what it said is above` }))
  )
  const run = Effect.gen(function* () {
    yield* isReady(url)
    const tokens = { rich: yield* token("user-1", "admin"), poor: yield* token("user-2", "admin") }
    const rich = yield* makeNexusClient(url, tokens.rich)
    yield* seedRich(rich, emulated, receivers)
    yield* seedPoor(yield* makeNexusClient(url, tokens.poor))
    const environment = path.join(chosen, "env")
    yield* writeEnvironment(environment, variables)
    yield* Console.log(summary(url, `${frontEnd}/integrations`, tokens, emulated, environment))
    return yield* keepAlive(rich)
  })
  yield* Effect.raceFirst(run, ended)
}).pipe(
  Effect.scoped,
  Effect.catch((error) =>
    Effect.andThen(
      Console.error(error.message),
      Effect.sync(() => process.exit(1))
    )
  )
)

demo.pipe(
  Effect.provide(Layer.merge(NodeServices.layer, FetchHttpClient.layer)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
