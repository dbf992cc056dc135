import { PgClient } from "@effect/sql-pg"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SendGridEmulator } from "../../plugins/sendgrid/Emulator.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { unavailable } from "../../src/plugin/ProviderError.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { Emulators, withEmulators } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"
import { TestApi } from "../support/TestApi.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { anotherEngine, connect, goOn, people, recorded, runOf, sync, syncingLayer } from "./Syncing.ts"

/** An emulator whose jobs go on until they are ended. */
const endless = () => SendGridEmulator(1_000_000)

const hashes = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ email: string; outcome: string }>`
    SELECT email, outcome FROM nexus.sync_record WHERE user_id = ${userId} ORDER BY contact_id`
  return rows.map(({ email, outcome }) => `${email} ${outcome}`)
})

describe("a provider that works in the background", () => {
  layer(syncingLayer({ SENDGRID: endless }), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("is waited for and asked, by whatever process there is, and its contacts move from pending", () =>
      Effect.gen(function* () {
        const { emulator, server } = (yield* Emulators).of("SENDGRID")
        yield* people("waits", 20)
        yield* connect("waits", "SENDGRID")
        const started = yield* sync("waits", "SENDGRID")
        assert.deepInclude(started, { state: "WAITING", contactsSynced: 0, pending: 20, total: 20, error: null })
        assert.match(started.message, /SendGrid works on the contacts/)
        const busy = yield* Effect.flip(sync("waits", "SENDGRID"))
        assert.strictEqual(busy._tag, "SyncInProgress")

        // The process that began it is gone: another one asks, and finds the job still running.
        const heir = yield* anotherEngine
        yield* goOn(started.id, heir)
        assert.deepInclude(yield* runOf("waits", "SENDGRID"), { state: "WAITING", pending: 20 })

        emulator.contacts?.finishJobs?.()
        yield* goOn(started.id, heir)
        assert.deepInclude(yield* runOf("waits", "SENDGRID"), {
          state: "COMPLETED",
          pending: 0,
          created: 20,
          total: 20
        })
        assert.strictEqual(emulator.contacts?.all().length, 20)
        const before = server.requests.length
        assert.deepInclude(yield* sync("waits", "SENDGRID"), { state: "COMPLETED", unchanged: 20 })
        assert.strictEqual(server.requests.length, before)
      })
    )

    it.effect(
      "may be cancelled while it is waited for; the next run sends the rest again and counts nothing twice",
      () =>
        Effect.gen(function* () {
          const { emulator } = (yield* Emulators).of("SENDGRID")
          yield* people("cancelled", 20, 101)
          yield* connect("cancelled", "SENDGRID")
          const { id } = yield* sync("cancelled", "SENDGRID")
          const syncs = yield* Syncs
          assert.deepInclude(yield* syncs.cancel(actor("cancelled"), "SENDGRID", id), {
            state: "CANCELLED",
            pending: 20
          })
          yield* people("cancelled", 1, 121)
          const engine = yield* SyncEngine
          const [row] = yield* (yield* IntegrationRepo).list(actor("cancelled").userId)
          assert.isDefined(row)
          const automatic = yield* engine.begin(row, {
            trigger: "automatic",
            isFull: false,
            isDryRun: false,
            format: null
          })
          assert.isDefined(automatic)
          yield* engine.settled(automatic.id)
          assert.deepInclude(yield* runOf("cancelled", "SENDGRID"), { state: "WAITING", pending: 21, total: 21 })
          emulator.contacts?.finishJobs?.()
          yield* goOn(automatic.id)
          const run = yield* runOf("cancelled", "SENDGRID")
          assert.deepInclude(run, { state: "COMPLETED", pending: 0, contactsSynced: 21, total: 21 })
        })
    )

    it.effect("forgets a contact that was deleted while it was pending only after it is accounted for", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { emulator } = (yield* Emulators).of("SENDGRID")
        yield* people("deleted", 3, 201)
        yield* connect("deleted", "SENDGRID", { removeDeleted: true })
        const { id } = yield* sync("deleted", "SENDGRID")
        yield* sql`DELETE FROM nexus.contact WHERE user_id = 'deleted' AND email = 'ada.201@example.com'`
        emulator.contacts?.finishJobs?.()
        yield* goOn(id)
        assert.deepInclude(yield* runOf("deleted", "SENDGRID"), {
          state: "COMPLETED",
          created: 3,
          pending: 0,
          removed: 0
        })
        assert.deepInclude(yield* sync("deleted", "SENDGRID"), { state: "COMPLETED", removed: 1, unchanged: 2 })
      })
    )

    it.effect("is given up after hours: what it does not tell of is unconfirmed, and sent again by the next run", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { server } = (yield* Emulators).of("SENDGRID")
        yield* people("late", 20, 301)
        yield* connect("late", "SENDGRID")
        const { id } = yield* sync("late", "SENDGRID")
        yield* sql`UPDATE nexus.sync_run SET started_at = now() - interval '361 minutes' WHERE id = ${id}::uuid`
        yield* goOn(id)
        const run = yield* runOf("late", "SENDGRID", id)
        assert.deepInclude(run, { state: "COMPLETED", unconfirmed: 20, pending: 0, contactsSynced: 0, total: 20 })
        assert.deepStrictEqual(yield* recorded("late"), { unconfirmed: 20 })
        const before = server.requests.length
        yield* sync("late", "SENDGRID")
        const sent = server.requests.slice(before).filter(({ method }) => method === "PUT")
        assert.strictEqual(sent.length, 1)
        assert.include(sent[0]?.body, "ada.320@example.com")
      })
    )
  })

  const { script, layer: ScriptedLayer } = scripted()
  layer(ScriptedLayer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("confirms some and not others: those are asked for again, and for a while only", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("doubt", 3)
        yield* connectAcme("doubt")
        script.upsert = (batch) => Effect.succeed(batch.map(() => Outcome.Accepted({ job: "job-1" })))
        const polled: Array<ReadonlyArray<string>> = []
        script.poll = (_, batch) =>
          Effect.sync(() => {
            polled.push(batch.map(({ email }) => email))
            return batch.map(({ email }) =>
              email === "ada.2@example.com" ? Outcome.Unconfirmed() : Outcome.Created({ externalId: email })
            )
          })
        const { id } = yield* sync("doubt", "ACME")
        assert.deepInclude(yield* runOf("doubt", "ACME"), { state: "WAITING", created: 2, unconfirmed: 1, pending: 0 })
        yield* goOn(id)
        assert.deepInclude(yield* runOf("doubt", "ACME"), { state: "WAITING", created: 2, unconfirmed: 1 })
        yield* sql`UPDATE nexus.sync_record SET updated_at = now() - interval '16 minutes' WHERE user_id = 'doubt'`
        yield* goOn(id)
        assert.deepInclude(yield* runOf("doubt", "ACME"), { state: "COMPLETED", created: 2, unconfirmed: 1, total: 3 })
        assert.deepStrictEqual(polled.slice(1), [["ada.2@example.com"], ["ada.2@example.com"]])

        script.sent.length = 0
        script.upsert = (batch) => Effect.sync(() => honest(script, batch))
        assert.deepInclude(yield* sync("doubt", "ACME"), { state: "COMPLETED", contactsSynced: 3 })
        assert.deepStrictEqual(script.sent, [["ada.2@example.com"]])
      })
    )

    it.effect("that refuses to answer in the end fails the run, however long it has worked before", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("mute", 3, 101)
        yield* connectAcme("mute")
        script.upsert = (batch) => Effect.succeed(batch.map(() => Outcome.Accepted({ job: "job-2" })))
        script.poll = (job, batch) => Effect.succeed(batch.map(() => Outcome.Accepted({ job })))
        const { id } = yield* sync("mute", "ACME")
        for (let polls = 0; polls < 20; polls++) yield* goOn(id)
        const [waits] = yield* sql<{ waits: number; seconds: number }>`
          SELECT waits, extract(epoch FROM wake_at - now())::float8 AS seconds FROM nexus.sync_run WHERE id = ${id}::uuid`
        assert.isAbove(waits?.waits ?? 0, 12)
        assert.isAtMost(waits?.seconds ?? 0, 60)
        assert.isAbove(waits?.seconds ?? 0, 50)

        script.poll = () => Effect.fail(unavailable("it is down"))
        let troubles = 0
        while ((yield* runOf("mute", "ACME", id)).state === "WAITING") {
          yield* goOn(id)
          troubles++
        }
        assert.deepInclude(yield* runOf("mute", "ACME", id), { state: "FAILED", errorKind: "Unavailable" })
        assert.strictEqual(troubles, 13)
        assert.deepStrictEqual(
          yield* hashes("mute"),
          [101, 102, 103].map((n) => `ada.${n}@example.com pending`)
        )
      })
    )
  })

  const OverHttp = withEmulators({ SENDGRID: endless }, (variables) =>
    TestApi.layer({ ...variables, NEXUS_SYNCS_PER_MINUTE: "100" })
  )
  layer(OverHttp, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("is answered with 202 and where to look, and to all but one of twenty callers with 409", () =>
      Effect.gen(function* () {
        const { ask } = yield* TestApi
        yield* people("user-123", 3)
        yield* connect("user-123", "SENDGRID")
        const answers = yield* Effect.all(
          Array.from({ length: 20 }, () => ask("POST", "/integrations/sendgrid/sync")),
          { concurrency: "unbounded" }
        )
        const [answer, ...others] = answers.filter(({ status }) => status !== 409)
        assert.isDefined(answer)
        assert.deepStrictEqual(others, [])
        for (const busy of answers) if (busy !== answer) assert.strictEqual(busy.json.runId, answer.json.id)
        assert.strictEqual(answer.status, 202, answer.text)
        assert.deepInclude(answer.json, { state: "WAITING", pending: 3, contactsSynced: 0 })
        const location = answer.headers.get("location") ?? ""
        assert.strictEqual(location, `/integrations/SENDGRID/syncs/${answer.json.id}`)
        assert.strictEqual((yield* ask("GET", location)).json.state, "WAITING")
        const { emulator } = (yield* Emulators).of("SENDGRID")
        emulator.contacts?.finishJobs?.()
        yield* goOn(answer.json.id)
        assert.deepInclude((yield* ask("GET", location)).json, { state: "COMPLETED", created: 3, pending: 0 })
      })
    )
  })
})
