/** What the tests of syncs have in common. */
import { PgClient } from "@effect/sql-pg"
import { ConfigProvider, Duration, Effect, Layer, Scope } from "effect"
import type { Emulator } from "nexus-integrations/plugin/testing"
import type { SyncRunId } from "../../src/domain/Ids.ts"
import { NewIntegration, type Settings } from "../../src/domain/Integration.ts"
import type { NewSync } from "../../src/domain/Sync.ts"
import { CallPatience } from "../../src/integrations/CallPatience.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncPatience } from "../../src/sync/SyncPatience.ts"
import { SyncRunner } from "../../src/sync/SyncRunner.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { Emulators, IntegratingLayer, withEmulators } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"

/** Tries again almost at once, so that no test waits. */
export const Impatient = Layer.mergeAll(
  Layer.effect(
    CallPatience,
    Effect.map(CallPatience, (usual) => ({ ...usual, retryAfter: Duration.millis(1) }))
  ),
  Layer.effect(
    SyncPatience,
    Effect.map(SyncPatience, (usual) => ({
      ...usual,
      longestSleep: Duration.millis(20),
      courtesy: Duration.seconds(3)
    }))
  )
)

/** Everything about syncs, with emulators of these providers. */
export const syncingLayer = (
  emulators: Readonly<Record<string, () => Emulator>>,
  patience: Layer.Layer<never> = Impatient
) =>
  withEmulators(emulators, (variables) =>
    IntegratingLayer.pipe(Layer.provide([ConfigProvider.layer(ConfigProvider.fromUnknown(variables)), patience]))
  )

/** Connects a user with credentials that the emulator takes. */
export const connect = Effect.fnUntraced(function* (userId: string, provider: string, settings: Settings = {}) {
  const { credentials } = (yield* Emulators).of(provider).emulator
  const integrations = yield* Integrations
  return yield* integrations.connect(actor(userId), new NewIntegration({ provider, credentials, settings }))
})

/** Gives a user contacts, numbered from `from` on; a company for each hundred of them. */
export const people = Effect.fnUntraced(function* (userId: string, count: number, from = 1) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO nexus.contact (user_id, email, first_name, last_name, phone, company, job_title)
    SELECT ${userId}, 'ada.' || n || '@example.com', 'Ada ' || n, 'Lovelace ' || n, '+44 20 7946 ' || n,
      'Engines ' || n / 100, 'Analyst'
    FROM generate_series(${from}::int, ${from + count - 1}::int) AS n`
})

/** Syncs as a person does, and waits for it. */
export const sync = Effect.fnUntraced(function* (userId: string, provider: string, how: NewSync = {}) {
  return yield* (yield* Syncs).start(actor(userId), provider, how)
})

/** A run as it stands in the database. */
export const runOf = Effect.fnUntraced(function* (userId: string, provider: string, id?: string) {
  const syncs = yield* Syncs
  const newest = id ?? (yield* syncs.list(actor(userId).userId, provider, { limit: 1, cursor: null })).items[0]?.id
  return yield* syncs.get(actor(userId).userId, provider, newest ?? "")
})

/** What the database has of each contact at a provider: how many of each outcome. */
export const recorded = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly outcome: string; readonly count: number }>`
    SELECT outcome, count(*)::int FROM nexus.sync_record WHERE user_id = ${userId} GROUP BY outcome`
  return Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count]))
})

/** Another process's engine on the same database; it stops with the scope. */
export const anotherEngine = Effect.gen(function* () {
  const context = yield* Layer.build(Layer.fresh(SyncEngine.layer.pipe(Layer.provide(Layer.fresh(SyncRunner.layer)))))
  return yield* Effect.provide(SyncEngine, context)
})

/** The same in a scope of its own, to be closed by the test. */
export const engineInScope = Effect.gen(function* () {
  const scope = yield* Scope.make()
  return { scope, engine: yield* Scope.provide(anotherEngine, scope) }
})

/** Lets runs that wait go on at once, here, and waits until they have to wait again or are over. */
export const goOn = Effect.fnUntraced(function* (id: SyncRunId, engine?: SyncEngine["Service"]) {
  const sql = yield* PgClient.PgClient
  yield* sql`UPDATE nexus.sync_run SET wake_at = now() WHERE id = ${id}::uuid AND state = 'WAITING'`
  const own = engine ?? (yield* SyncEngine)
  yield* own.takeOver
  yield* own.settled(id)
})
