import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { IntegrationPatch } from "../../src/domain/Integration.ts"
import { HealthCheckLayer } from "../../src/integrations/HealthCheck.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { actor } from "../support/People.ts"
import { connectAcme, scripted } from "../sync/Scripted.ts"

/** For whom twenty seconds are over at once, and everything else takes its time. */
const hasty = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const sleep = (duration: Duration.Duration) =>
      clock.sleep(Duration.toSeconds(duration) === 20 ? Duration.millis(10) : duration)
    return yield* Effect.provideService(effect, Clock.Clock, {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep
    })
  })

const { script, layer: ScriptedLayer } = scripted()

layer(ScriptedLayer, { excludeTestServices: true, timeout: "60 seconds" })("Patience with providers", (it) => {
  it.effect("ends after 20 seconds with one that never says which fields it has", () =>
    Effect.gen(function* () {
      const integrations = yield* Integrations
      script.beforeFields = Effect.never
      const settings = { fieldMapping: { lastName: "last" } }
      const late = /it did not answer within 20 seconds/
      const made = yield* hasty(connectAcme("mute", settings))
      assert.deepInclude(made, { status: "ERROR", lastErrorKind: "Unavailable" })
      assert.match(made.lastError ?? "", late)
      const patched = yield* Effect.flip(
        hasty(integrations.update(actor("mute"), "ACME", new IntegrationPatch({ settings })))
      )
      assert.strictEqual(patched._tag, "ProviderFailed")
      assert.match(patched.message, late)
      assert.match((yield* Effect.flip(hasty(integrations.fields(actor("mute").userId, "ACME")))).message, late)
      script.beforeFields = Effect.void
      assert.strictEqual((yield* integrations.fields(actor("mute").userId, "ACME")).length, 4)
    })
  )

  it.effect("is with each alone: a check that fails here keeps no other from being made", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      for (const user of ["check-0", "check-1", "check-2", "check-3", "check-4"]) yield* connectAcme(user)
      yield* sql`
        UPDATE nexus.integration SET last_verified_at = NULL, check_at = now() - interval '1 minute'
        WHERE user_id LIKE 'check-%'`
      yield* sql`
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no disk'; END $$`
      yield* sql`
        CREATE TRIGGER fail BEFORE UPDATE OF last_verified_at ON nexus.integration FOR EACH ROW
        WHEN (NEW.user_id = 'check-0') EXECUTE FUNCTION fail()`
      yield* Effect.gen(function* () {
        yield* Layer.build(HealthCheckLayer)
        yield* sql`SELECT FROM nexus.integration WHERE user_id LIKE 'check-%' AND last_verified_at IS NULL`.pipe(
          Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (rows) => rows.length === 1 }),
          Effect.timeout("4 seconds")
        )
      }).pipe(Effect.scoped)
    })
  )
})
