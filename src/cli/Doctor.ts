import { Console, Context, Effect, Layer, Schema } from "effect"
import { Command } from "effect/cli"
import { listenWorks } from "../database/Listen.ts"
import { pendingMigrations } from "../database/Migrations.ts"
import { faultOf } from "../database/PostgresFault.ts"
import { OAuthClients } from "../oauth/OAuthClients.ts"
import { redirectUriWarnings } from "../oauth/RedirectUris.ts"
import { publicUrl } from "../PublicUrl.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { GaugeRepo } from "../telemetry/GaugeRepo.ts"
import { checkSeals } from "../vault/Seals.ts"
import { LeaseRepo } from "../webhooks/LeaseRepo.ts"
import { loadedProviders, type Plugins } from "./Configuration.ts"

/** The doctor found something that keeps the service from working. */
class Unwell extends Schema.TaggedError<Unwell>()("Unwell", { count: Schema.Int }) {
  override get message() {
    return `${this.count} of the checks above failed`
  }
}

interface Finding {
  readonly well: boolean
  readonly text: string
}

const well = (text: string): Finding => ({ well: true, text })
const unwell = (text: string): Finding => ({ well: false, text })

const migrations = pendingMigrations.pipe(
  Effect.map((pending) =>
    pending.length === 0
      ? well("The schema is up to date")
      : unwell(`Pending migrations: ${pending.join(", ")}. Run: nexus migrate`)
  ),
  Effect.catchTags({
    MigrationFailed: (error) => Effect.succeed(unwell(error.message)),
    SqlError: (error) => Effect.succeed(unwell(`The migrations can't be checked: ${faultOf(error).message}`))
  })
)

const notifications = listenWorks.pipe(
  Effect.map((works) =>
    works
      ? well("NOTIFY reaches LISTEN")
      : unwell(
          "NOTIFY does not reach LISTEN: a pooler in transaction mode is in between. Polling carries on, up to 250 ms later; give DATABASE_URL a direct connection"
        )
  ),
  Effect.catchTag("SqlError", (error) => Effect.succeed(unwell(`LISTEN can't be tried: ${faultOf(error).message}`)))
)

const keys = checkSeals.pipe(
  Effect.as(well("The keys open what the database holds")),
  Effect.catchTags({
    ConfigurationInvalid: (error) => Effect.succeed(unwell(error.message)),
    SqlError: (error) => Effect.succeed(unwell(`The webhook secrets can't be read: ${faultOf(error).message}`))
  })
)

const dispatchers = Effect.gen(function* () {
  const leases = yield* LeaseRepo
  const live = yield* leases.live
  return live === 0
    ? unwell("No dispatcher is running: nothing is sent. Start one with: nexus serve")
    : well(`${live} ${live === 1 ? "dispatcher is" : "dispatchers are"} running`)
}).pipe(
  Effect.catchTag("SqlError", (error) => Effect.succeed(unwell(`The leases can't be read: ${faultOf(error).message}`)))
)

const queues = Effect.gen(function* () {
  const gauges = yield* GaugeRepo
  const { outboxRows, outboxOldestSeconds, deadLetters } = yield* gauges.read
  const rows = outboxRows === 1 ? "1 row waits" : `${outboxRows} rows wait`
  const text = `${rows} in the outbox, the oldest for ${Math.round(outboxOldestSeconds)} s; ${deadLetters} dead letters`
  return outboxOldestSeconds > 60 ? unwell(text) : well(text)
}).pipe(
  Effect.catchTag("SqlError", (error) => Effect.succeed(unwell(`The queues can't be read: ${faultOf(error).message}`)))
)

const integrations = Effect.gen(function* () {
  const gauges = yield* GaugeRepo
  const { integrationsActive, integrationsInactive, integrationsError } = yield* gauges.read
  const text = `Integrations: ${integrationsActive} work, ${integrationsInactive} are paused, ${integrationsError} do not work`
  // Which of their tokens are good is for users to see to: it keeps nothing else from working.
  return well(integrationsError === 0 ? text : `${text}; lastError of each says what its user has to do`)
}).pipe(
  Effect.catchTag("SqlError", (error) =>
    Effect.succeed(unwell(`The integrations can't be counted: ${faultOf(error).message}`))
  )
)

const plugged = (plugins: Plugins) =>
  Effect.match(loadedProviders(plugins), {
    onSuccess: (providers) => well(`${providers.length} plugins: ${providers.map(({ id }) => id).join(", ")}`),
    onFailure: (error) => unwell(error.message)
  })

const redirectUris = (plugins: Plugins) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(OAuthClients.layer.pipe(Layer.provideMerge(plugins)))
    const providers = yield* Context.get(context, PluginRegistry).all
    return yield* redirectUriWarnings(providers, Context.get(context, OAuthClients))
  }).pipe(
    Effect.scoped,
    // Said already, of the plugins.
    Effect.catchTag("PluginUnusable", () => Effect.succeed([]))
  )

/** `nexus doctor`: looks at everything that this installation needs, and says what to do about what is missing. */
export const doctor = (plugins: Plugins) =>
  Command.make("doctor", {}, () =>
    Effect.gen(function* () {
      const findings = yield* Effect.all([
        migrations,
        notifications,
        keys,
        dispatchers,
        queues,
        plugged(plugins),
        integrations
      ])
      for (const { well, text } of findings) yield* Console.log(`${well ? "ok  " : "FAIL"}  ${text}`)
      for (const warning of yield* redirectUris(plugins)) yield* Console.log(`warn  ${warning}`)
      yield* Console.log(`info  The service is reached at ${yield* publicUrl} (PUBLIC_URL)`)
      const failed = findings.filter(({ well }) => !well).length
      if (failed > 0) return yield* new Unwell({ count: failed })
    })
  ).pipe(
    Command.withDescription(
      "Check the schema, the notifications, the keys, the dispatchers, the plugins and the integrations"
    )
  )
