import { PgClient } from "@effect/sql-pg"
import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Duration, Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { misconfigured, quotaExhausted, rateLimited, unavailable } from "../../src/plugin/ProviderError.ts"
import { Emulators } from "../support/Integrating.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { connect, goOn, people, recorded, runOf, sync, syncingLayer } from "./Syncing.ts"

/** What the database has of a user's integration, and in how many seconds its run wakes up. */
const stateOf = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ status: string; lastError: string | null; seconds: number | null }>`
    SELECT status, last_error, (
      SELECT extract(epoch FROM wake_at - now())::float8 FROM nexus.sync_run WHERE integration_id = integration.id
      AND state = 'WAITING'
    ) AS seconds FROM nexus.integration WHERE user_id = ${userId}`
  assert.isDefined(row)
  return row
})

describe("a provider in trouble", () => {
  layer(syncingLayer({ HUBSPOT: HubSpotEmulator }), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("is asked again at once, and the run goes on as if nothing had been", () =>
      Effect.gen(function* () {
        const { server, emulator } = (yield* Emulators).of("HUBSPOT")
        yield* people("blip", 250)
        yield* connect("blip", "HUBSPOT")
        server.inject({ kind: emulator.failures.unavailable, times: 2 })
        server.inject({ kind: "cut", when: ({ path }) => path.endsWith("/create") })
        server.inject({ kind: "cutAnswer", when: ({ path }) => path.endsWith("/create") })
        const run = yield* sync("blip", "HUBSPOT")
        // What was created with its answer lost is found again.
        assert.deepInclude(run, { state: "COMPLETED", contactsSynced: 250, total: 250, created: 150, unchanged: 100 })
        assert.strictEqual(emulator.contacts?.all().length, 250)
        assert.strictEqual((yield* stateOf("blip")).status, "ACTIVE")
      })
    )

    it.effect("puts the run off, which goes on by itself from where it stood", () =>
      Effect.gen(function* () {
        const { server, emulator } = (yield* Emulators).of("HUBSPOT")
        yield* people("down", 250, 1001)
        yield* connect("down", "HUBSPOT")
        let reads = 0
        server.inject({
          kind: emulator.failures.unavailable,
          times: 1000,
          when: ({ path }) => path.endsWith("/read") && ++reads > 1
        })
        const waiting = yield* sync("down", "HUBSPOT")
        assert.deepInclude(waiting, { state: "WAITING", created: 100, errorKind: "Unavailable" })
        assert.match(waiting.message, /HubSpot does not work at the moment: .*\. It is tried again by itself/)
        const down = yield* stateOf("down")
        assert.strictEqual(down.status, "ERROR")
        assert.strictEqual(down.lastError, waiting.error)
        assert.isTrue(down.seconds !== null && down.seconds > 25 && down.seconds <= 30)

        server.heal()
        const before = server.requests.length
        yield* goOn(waiting.id)
        const run = yield* runOf("down", "HUBSPOT", waiting.id)
        assert.deepInclude(run, { state: "COMPLETED", created: 250, total: 250, error: null, errorKind: null })
        assert.strictEqual(server.requests.slice(before).filter(({ path }) => path.endsWith("/create")).length, 2)
        const up = yield* stateOf("down")
        assert.deepStrictEqual({ ...up }, { status: "ACTIVE", lastError: null, seconds: null })
      })
    )

    it.effect("that refuses the credentials in the middle fails the run; after reconnecting the rest is sent", () =>
      Effect.gen(function* () {
        const { server, emulator } = (yield* Emulators).of("HUBSPOT")
        yield* people("revoked", 250, 2001)
        yield* connect("revoked", "HUBSPOT")
        let reads = 0
        server.inject({
          kind: emulator.failures.unauthorized,
          times: 1000,
          when: ({ path }) => path.endsWith("/read") && ++reads > 1
        })
        const failed = yield* Effect.flip(sync("revoked", "HUBSPOT"))
        assert.strictEqual(failed._tag, "SyncRefused")
        assert.match(failed.message, /^HubSpot refuses the credentials: .*Connect again with new ones$/)
        const run = yield* runOf("revoked", "HUBSPOT")
        assert.deepInclude(run, { state: "FAILED", created: 100, total: 250, errorKind: "Unauthorized" })
        assert.deepStrictEqual(yield* recorded("revoked"), { created: 100 })
        const { status, lastError } = yield* stateOf("revoked")
        assert.strictEqual(status, "ERROR")
        assert.strictEqual(lastError, run.error)
        const refused = yield* Effect.flip(sync("revoked", "HUBSPOT"))
        assert.strictEqual(refused._tag, "IntegrationNotActive")
        assert.strictEqual(refused.message, lastError)

        server.heal()
        yield* connect("revoked", "HUBSPOT")
        assert.deepInclude(yield* sync("revoked", "HUBSPOT"), { state: "COMPLETED", created: 150, unchanged: 100 })
      })
    )

    it.effect("whose allowance is used up is left alone until it says, or for an hour", () =>
      Effect.gen(function* () {
        const { server } = (yield* Emulators).of("HUBSPOT")
        yield* people("quota", 5, 3001)
        yield* connect("quota", "HUBSPOT")
        server.inject({ kind: json(429, { status: "error", message: "No more today", policyName: "DAILY" }) })
        const waiting = yield* sync("quota", "HUBSPOT")
        assert.deepInclude(waiting, { state: "WAITING", errorKind: "QuotaExhausted" })
        assert.match(waiting.error ?? "", /^The allowance at HubSpot is used up: .*enlarge the plan there$/)
        const { seconds } = yield* stateOf("quota")
        assert.isTrue(seconds !== null && seconds > 3590 && seconds <= 3600)
        yield* goOn(waiting.id)
        assert.deepInclude(yield* runOf("quota", "HUBSPOT"), { state: "COMPLETED", created: 5 })
      })
    )
  })

  const { script, layer: ScriptedLayer } = scripted()
  layer(ScriptedLayer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("that throttles is sat out when the wait is short, and otherwise comes back when it says", () =>
      Effect.gen(function* () {
        yield* people("throttled", 5)
        yield* connectAcme("throttled")
        const answers = [rateLimited("too fast", null)]
        script.upsert = (batch) =>
          Effect.suspend(() => {
            const error = answers.shift()
            return error === undefined ? Effect.succeed(honest(script, batch)) : Effect.fail(error)
          })
        assert.deepInclude(yield* sync("throttled", "ACME"), { state: "COMPLETED", created: 5 })

        yield* people("throttled", 5, 101)
        const until = DateTime.addDuration(yield* DateTime.now, Duration.minutes(7))
        answers.push(rateLimited("much too fast", until))
        const waiting = yield* sync("throttled", "ACME")
        assert.deepInclude(waiting, { state: "WAITING", errorKind: "RateLimited", unchanged: 0, created: 0 })
        const { seconds } = yield* stateOf("throttled")
        assert.isTrue(seconds !== null && seconds > 410 && seconds <= 420)
        answers.push(quotaExhausted("that was all", until))
        yield* goOn(waiting.id)
        assert.deepInclude(yield* runOf("throttled", "ACME"), { state: "WAITING", errorKind: "QuotaExhausted" })
        assert.isTrue(((yield* stateOf("throttled")).seconds ?? 0) > 400)
        yield* goOn(waiting.id)
        assert.deepInclude(yield* runOf("throttled", "ACME"), { state: "COMPLETED", created: 5, unchanged: 5 })
      })
    )

    it.effect("that wants to be left alone for a thousand years is asked again the next day", () =>
      Effect.gen(function* () {
        yield* people("centuries", 5, 801)
        yield* connectAcme("centuries")
        const until = DateTime.addDuration(yield* DateTime.now, Duration.days(365_000))
        for (const error of [rateLimited("much too fast", until), quotaExhausted("that was all", until)]) {
          script.upsert = () => Effect.fail(error)
          if (error.reason._tag === "RateLimited") yield* sync("centuries", "ACME")
          else yield* goOn((yield* runOf("centuries", "ACME")).id)
          assert.deepInclude(yield* runOf("centuries", "ACME"), { state: "WAITING", errorKind: error.reason._tag })
          const { seconds } = yield* stateOf("centuries")
          assert.isTrue(seconds !== null && seconds > 86_000 && seconds <= 86_400, String(seconds))
        }
      })
    )

    it.effect("whose plugin throws is unavailable, and nothing of the batch is written down", () =>
      Effect.gen(function* () {
        yield* people("throws", 12, 201)
        yield* connectAcme("throws")
        script.upsert = (batch) =>
          batch.length === 10
            ? Effect.sync(() => honest(script, batch))
            : Effect.sync(() => {
                throw new Error("a bug")
              })
        const run = yield* sync("throws", "ACME")
        assert.deepInclude(run, { state: "WAITING", created: 10, errorKind: "Unavailable" })
        assert.match(run.error ?? "", /plugin of Acme failed in a way that it did not foresee/)
        assert.deepStrictEqual(yield* recorded("throws"), { created: 10 })
      })
    )

    it.effect("whose plugin gives too few outcomes or too many is unavailable: none can be told whose it is", () =>
      Effect.gen(function* () {
        yield* people("short", 10, 301)
        yield* connectAcme("short")
        for (const outcomes of [9, 11]) {
          script.upsert = () =>
            Effect.succeed(Array.from({ length: outcomes }, () => Outcome.Unchanged({ externalId: "1" })))
          const run = outcomes === 9 ? yield* sync("short", "ACME") : yield* runOf("short", "ACME")
          if (outcomes === 11) yield* goOn(run.id)
          const now = yield* runOf("short", "ACME")
          assert.deepInclude(now, { state: "WAITING", contactsSynced: 0 })
          assert.include(now.error, `${outcomes} outcomes for 10 contacts`)
        }
        assert.deepStrictEqual(yield* recorded("short"), {})
      })
    )

    it.effect("that does not come back fails the run in the end, and what has to be set up differently at once", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("ends", 5, 401)
        yield* connectAcme("ends")
        script.upsert = () => Effect.fail(unavailable("it is down"))
        const { id } = yield* sync("ends", "ACME")
        const waits: Array<number> = []
        while ((yield* runOf("ends", "ACME", id)).state === "WAITING") {
          waits.push(Math.ceil((yield* stateOf("ends")).seconds ?? 0))
          yield* goOn(id)
        }
        const expected = [30, 60, 120, 240, 480, 960, 1800, 1800, 1800, 1800, 1800, 1800]
        assert.strictEqual(waits.length, expected.length)
        for (const [index, seconds] of expected.entries()) {
          const wait = waits[index] ?? 0
          assert.isTrue(wait > seconds - 10 && wait <= seconds, `${wait} for ${seconds}`)
        }
        assert.deepInclude(yield* runOf("ends", "ACME", id), { state: "FAILED", errorKind: "Unavailable" })

        script.upsert = () => Effect.fail(misconfigured("the list is gone"))
        const refused = yield* Effect.flip(sync("ends", "ACME"))
        assert.strictEqual(refused._tag, "SyncRefused")
        assert.match(refused.message, /Something has to be set up differently for Acme: the list is gone/)
        assert.deepInclude(yield* runOf("ends", "ACME"), { state: "FAILED", errorKind: "Misconfigured" })
        const [row] = yield* sql<{ checks: number }>`
          SELECT failed_checks AS checks FROM nexus.integration WHERE user_id = 'ends'`
        assert.strictEqual(row?.checks, 14)
      })
    )

    it.effect("tells of what the database can't hold, and gets it written down without that", () =>
      Effect.gen(function* () {
        yield* people("odd", 2, 501)
        yield* connectAcme("odd")
        script.upsert = () =>
          Effect.succeed([
            Outcome.Created({ externalId: "a\0b" }),
            Outcome.Rejected({ reason: "No \ud800 for \0 you", field: "\0", retryable: false })
          ])
        assert.deepInclude(yield* sync("odd", "ACME"), { state: "COMPLETED", created: 1, rejected: 1 })
      })
    )

    it.effect("is not to blame for a run that no process gets on with, which ends all the same", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("poison", 5, 601)
        yield* connectAcme("poison")
        script.upsert = (batch) => Effect.sync(() => honest(script, batch))
        yield* sql`
          CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no disk'; END $$`
        yield* sql`
          CREATE TRIGGER fail BEFORE INSERT ON nexus.sync_record FOR EACH ROW WHEN (NEW.user_id = 'poison')
          EXECUTE FUNCTION fail()`
        const { id, state } = yield* sync("poison", "ACME")
        assert.strictEqual(state, "RUNNING")
        for (let lapses = 0; lapses < 13; lapses++) {
          assert.strictEqual((yield* runOf("poison", "ACME", id)).state, "RUNNING")
          yield* sql`UPDATE nexus.sync_run SET leased_until = now() WHERE id = ${id}::uuid`
          yield* goOn(id)
        }
        const run = yield* runOf("poison", "ACME", id)
        assert.strictEqual(run.state, "FAILED")
        assert.match(run.error ?? "", /on our side/)
      })
    )
  })
})
