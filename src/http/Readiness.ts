import { Context, type Crypto, Effect, type FileSystem, Layer, Option, type Path } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Part, Readiness as Report } from "../api/HealthApi.ts"
import { pendingMigrations } from "../database/Migrations.ts"
import { GaugeRepo } from "../telemetry/GaugeRepo.ts"
import { DispatcherHealth } from "../webhooks/DispatcherHealth.ts"

/** An idle dispatcher claims four times a second. */
const longestSilenceMillis = 10_000
const patience = "2 seconds"
const ok: Part = { ok: true }

/** Whether this process can do its work. */
export class Readiness extends Context.Service<Readiness, { readonly report: Effect.Effect<Report> }>()(
  "nexus/http/Readiness"
) {
  /** Without a `DispatcherHealth`, as in a process that only serves the API, the dispatcher is no part of it. */
  static readonly layer = Layer.effect(
    Readiness,
    Effect.gen(function* () {
      const repo = yield* GaugeRepo
      const health = yield* Effect.serviceOption(DispatcherHealth)
      const services = yield* Effect.context<SqlClient | FileSystem.FileSystem | Path.Path | Crypto.Crypto>()
      let isMigrated = false

      const database = repo.ping.pipe(
        Effect.as(ok),
        Effect.catchTag("SqlError", () => Effect.succeed(not("It does not answer")))
      )

      const migrations = Effect.gen(function* () {
        if (isMigrated) return ok
        const pending = yield* pendingMigrations
        isMigrated = pending.length === 0
        return isMigrated ? ok : not(`${pending.length} are pending (${pending.join(", ")}); run: nexus migrate`)
      }).pipe(
        Effect.catch((error) =>
          Effect.as(Effect.logWarning("Migrations can't be checked", error), not("They can't be checked"))
        ),
        Effect.provideContext(services)
      )

      const dispatcher = Effect.gen(function* () {
        if (Option.isNone(health)) return ok
        const { isStopping, sinceClaimMillis } = yield* health.value.report
        if (isStopping) return not("It is stopping")
        if (sinceClaimMillis === null) return not("It has not started yet")
        if (sinceClaimMillis <= longestSilenceMillis) return ok
        return not(`Its last claim was ${Math.round(sinceClaimMillis / 1000)} s ago`)
      })

      return Readiness.of({
        report: Effect.map(
          Effect.all({ database: inTime(database), migrations: inTime(migrations), dispatcher }, { concurrency: 3 }),
          (parts) => ({ status: Object.values(parts).every((part) => part.ok) ? "ready" : "not ready", parts })
        )
      })
    })
  )
}

const not = (problem: string): Part => ({ ok: false, problem })

const inTime = (part: Effect.Effect<Part>) =>
  Effect.timeoutOrElse(part, {
    duration: patience,
    orElse: () => Effect.succeed(not("The database does not answer in time"))
  })
