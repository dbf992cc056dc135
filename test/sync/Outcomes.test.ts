import { PgClient } from "@effect/sql-pg"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { IntegrationPatch, type Settings } from "../../src/domain/Integration.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { rejectedCsv } from "../../src/sync/RejectedCsv.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { Emulators } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { connect, people, recorded, sync, syncingLayer } from "./Syncing.ts"

const csv = Effect.fnUntraced(function* (userId: string, provider: string, id: string) {
  const rows = yield* (yield* Syncs).rejects(actor(userId).userId, provider, id)
  const lines = (yield* Stream.mkString(rejectedCsv(rows))).trimEnd().split("\r\n")
  return lines.map((line) => line.replace(/^[0-9a-f-]{36},/, ""))
})

const change = Effect.fnUntraced(function* (userId: string, provider: string, settings: Settings) {
  const integrations = yield* Integrations
  return yield* integrations.update(actor(userId), provider, new IntegrationPatch({ settings }))
})

describe("outcomes of a sync", () => {
  layer(syncingLayer({ HUBSPOT: HubSpotEmulator }), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("lists what was rejected with its reason, and sends it again only when it has changed", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { server, emulator } = (yield* Emulators).of("HUBSPOT")
        yield* people("rejects", 5)
        yield* sql`
          INSERT INTO nexus.contact (user_id, email, first_name, last_name)
          VALUES ('rejects', 'not-an-address@nowhere', '=HYPERLINK("http://x")', '@SUM')`
        yield* connect("rejects", "HUBSPOT")

        const first = yield* sync("rejects", "HUBSPOT")
        assert.deepInclude(first, { state: "COMPLETED", total: 6, contactsSynced: 5, rejected: 1 })
        const [header, line, ...others] = yield* csv("rejects", "HUBSPOT", first.id)
        assert.strictEqual(header, "contactId,email,firstName,lastName,field,reason")
        assert.match(line ?? "", /^not-an-address@nowhere,"'=HYPERLINK\(""http:\/\/x""\)",'@SUM,\w*,.*not valid/)
        assert.deepStrictEqual(others, [])

        const before = server.requests.length
        const second = yield* sync("rejects", "HUBSPOT")
        assert.deepInclude(second, { total: 6, contactsSynced: 5, unchanged: 5, rejected: 1 })
        assert.deepStrictEqual(yield* csv("rejects", "HUBSPOT", second.id), [header, line])
        assert.strictEqual(server.requests.length, before)

        yield* sql`UPDATE nexus.contact SET email = 'now@example.com' WHERE email = 'not-an-address@nowhere'`
        assert.deepInclude(yield* sync("rejects", "HUBSPOT"), { contactsSynced: 6, created: 1, rejected: 0 })
        assert.strictEqual(emulator.contacts?.all().length, 6)
      })
    )

    it.effect("sends everything again when it is asked to", () =>
      Effect.gen(function* () {
        const { server } = (yield* Emulators).of("HUBSPOT")
        yield* people("full", 5, 101)
        yield* connect("full", "HUBSPOT")
        yield* sync("full", "HUBSPOT")
        const before = server.requests.length
        assert.deepInclude(yield* sync("full", "HUBSPOT", { full: true }), { full: true, total: 5, unchanged: 5 })
        assert.deepStrictEqual(
          server.requests.slice(before).map(({ path }) => path),
          ["/crm/v3/objects/contacts/batch/read"]
        )
      })
    )

    it.effect("writes nothing in a dry run, and counts what a real one would do", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { server, emulator } = (yield* Emulators).of("HUBSPOT")
        yield* people("dry", 5, 201)
        const { id } = yield* connect("dry", "HUBSPOT")
        yield* sync("dry", "HUBSPOT")
        yield* people("dry", 3, 301)
        yield* sql`UPDATE nexus.contact SET last_name = 'King' WHERE user_id = 'dry' AND email = 'ada.201@example.com'`
        const state = Effect.gen(function* () {
          const records = yield* sql`SELECT * FROM nexus.sync_record WHERE user_id = 'dry' ORDER BY contact_id`
          const [row] =
            yield* sql`SELECT last_sync_at, synced_to::text, status FROM nexus.integration WHERE id = ${id}::uuid`
          return { records, row, there: emulator.contacts?.all() }
        })
        const before = yield* state
        const calls = server.requests.length

        const dry = yield* sync("dry", "HUBSPOT", { dryRun: true })
        assert.deepInclude(dry, { dryRun: true, state: "COMPLETED", total: 8, created: 3, updated: 1, unchanged: 4 })
        assert.deepStrictEqual(yield* state, before)
        assert.isTrue(server.requests.slice(calls).every(({ method }) => method === "GET"))

        assert.deepInclude(yield* sync("dry", "HUBSPOT"), { created: 3, updated: 1, unchanged: 4 })
      })
    )

    it.effect("brings custom fields where the user's own mapping says, and refuses one that aims at nothing", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { emulator } = (yield* Emulators).of("HUBSPOT")
        yield* people("mapped", 1, 401)
        yield* sql`UPDATE nexus.contact SET custom_fields = '{"town": "London"}' WHERE user_id = 'mapped'`
        yield* connect("mapped", "HUBSPOT")
        yield* sync("mapped", "HUBSPOT")
        yield* change("mapped", "HUBSPOT", {
          fieldMapping: { firstName: "firstname", "customFields.town": "jobtitle" }
        })

        assert.deepInclude(yield* sync("mapped", "HUBSPOT"), { updated: 1, unchanged: 0 })
        const there = emulator.contacts?.all().find(({ email }) => email === "ada.401@example.com")
        assert.strictEqual(there?.fields.jobtitle, "London")
        assert.strictEqual(there?.fields.lastname, "Lovelace 401")

        yield* sql`UPDATE nexus.integration SET settings = settings || '{"fieldMapping": {"phone": "no_such_field"}}'
          WHERE user_id = 'mapped'`
        const refused = yield* Effect.flip(sync("mapped", "HUBSPOT"))
        assert.strictEqual(refused._tag, "SyncRefused")
        assert.match(refused.message, /no field no_such_field/)
      })
    )

    it.effect("removes what was deleted here only where the settings say so", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { emulator } = (yield* Emulators).of("HUBSPOT")
        const own = () => emulator.contacts?.all().filter(({ email }) => /^ada\.50\d@/.test(email)).length
        yield* people("deletes", 4, 501)
        yield* connect("deletes", "HUBSPOT")
        yield* sync("deletes", "HUBSPOT")

        yield* sql`DELETE FROM nexus.contact WHERE user_id = 'deletes' AND email = 'ada.501@example.com'`
        assert.deepInclude(yield* sync("deletes", "HUBSPOT"), { total: 3, unchanged: 3, removed: 0 })
        assert.strictEqual(own(), 4)
        assert.deepStrictEqual(yield* recorded("deletes"), { created: 3 })

        yield* change("deletes", "HUBSPOT", { removeDeleted: true })
        yield* sql`DELETE FROM nexus.contact WHERE user_id = 'deletes' AND email = 'ada.502@example.com'`
        assert.deepInclude(yield* sync("deletes", "HUBSPOT"), { total: 2, unchanged: 2, removed: 1 })
        assert.strictEqual(own(), 3)
        assert.deepInclude(yield* sync("deletes", "HUBSPOT"), { unchanged: 2, removed: 0 })
      })
    )
  })

  const { script, layer: ScriptedLayer } = scripted()
  layer(ScriptedLayer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("tries again with the next run what the provider may take on another day", () =>
      Effect.gen(function* () {
        yield* people("again", 12)
        yield* connectAcme("again")
        script.upsert = (batch) =>
          Effect.succeed(
            honest(script, batch).map((outcome, index) =>
              index === 1 ? Outcome.Rejected({ reason: "It is locked", retryable: true }) : outcome
            )
          )
        assert.deepInclude(yield* sync("again", "ACME"), { total: 12, created: 10, rejected: 2 })
        script.sent.length = 0
        script.upsert = (batch) => Effect.sync(() => honest(script, batch))
        assert.deepInclude(yield* sync("again", "ACME"), { contactsSynced: 12, rejected: 0 })
        assert.deepStrictEqual(script.sent, [["ada.2@example.com", "ada.12@example.com"]])
      })
    )

    it.effect("lists any number of rejected contacts, a page at a time", () =>
      Effect.gen(function* () {
        yield* people("many", 1203, 2001)
        yield* connectAcme("many")
        script.upsert = (batch) =>
          Effect.succeed(batch.map(({ email }) => Outcome.Rejected({ reason: `No ${email}`, retryable: false })))
        const first = yield* sync("many", "ACME")
        assert.deepInclude(first, { state: "COMPLETED", contactsSynced: 0, rejected: 1203 })
        script.sent.length = 0
        const { id } = yield* sync("many", "ACME")
        assert.deepStrictEqual(script.sent, [])
        for (const run of [first.id, id]) {
          const [, ...lines] = yield* csv("many", "ACME", run)
          assert.strictEqual(new Set(lines).size, 1203)
          assert.isTrue(lines.every((line) => /^(ada\.\d+@example\.com),.*,No \1$/.test(line)))
        }
        script.upsert = (batch) => Effect.sync(() => honest(script, batch))
      })
    )

    it.effect("sends all again when a setting of the provider's own has changed", () =>
      Effect.gen(function* () {
        yield* people("settings", 12, 101)
        yield* connectAcme("settings")
        yield* sync("settings", "ACME")
        script.sent.length = 0
        yield* change("settings", "ACME", { autoSync: false })
        yield* sync("settings", "ACME")
        assert.strictEqual(script.sent.flat().length, 0)
        yield* change("settings", "ACME", { list: "another" })
        yield* sync("settings", "ACME")
        assert.strictEqual(script.sent.flat().length, 12)
      })
    )

    it.effect("begins from nothing with another account, also what was under way to the old one", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("moves", 12, 201)
        yield* connectAcme("moves", {}, "old")
        yield* sync("moves", "ACME")
        yield* people("moves", 12, 301)
        // The new account comes while a batch is on its way to the old one.
        const integrations = yield* connectAcmeLater
        script.upsert = (batch) =>
          Effect.gen(function* () {
            script.upsert = (next) => Effect.sync(() => honest(script, next))
            yield* Effect.orDie(integrations)
            return honest(script, batch)
          })
        assert.deepInclude(yield* sync("moves", "ACME"), { state: "CANCELLED", created: 0 })
        assert.deepStrictEqual(yield* recorded("moves"), {})
        const [row] = yield* sql<{ syncedTo: string | null }>`
          SELECT synced_to::text FROM nexus.integration WHERE user_id = 'moves'`
        assert.isNull(row?.syncedTo)

        script.accounts.length = 0
        script.there.clear()
        assert.deepInclude(yield* sync("moves", "ACME"), { total: 24, created: 24, unchanged: 0 })
        assert.deepStrictEqual(new Set(script.accounts), new Set(["new"]))
      })
    )

    it.effect("begins from nothing where the account before was never heard of, whatever is under way to it", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("unheard", 12, 601)
        yield* connectAcme("unheard", {}, "old")
        // As after a connection to a provider that could not be asked.
        yield* sql`UPDATE nexus.integration SET account_id = NULL WHERE user_id = 'unheard'`
        yield* sync("unheard", "ACME")
        yield* people("unheard", 12, 701)
        const context = yield* Effect.context<Integrations>()
        script.upsert = (batch) =>
          Effect.gen(function* () {
            script.upsert = (next) => Effect.sync(() => honest(script, next))
            yield* Effect.orDie(Effect.provide(connectAcme("unheard", {}, "new"), context))
            return honest(script, batch)
          })
        assert.deepInclude(yield* sync("unheard", "ACME"), { state: "CANCELLED", created: 0 })
        assert.deepStrictEqual(yield* recorded("unheard"), {})
        script.there.clear()
        assert.deepInclude(yield* sync("unheard", "ACME"), { state: "COMPLETED", created: 24, unchanged: 0 })
      })
    )

    it.effect("keeps a deleted contact in mind that the provider would remove on another day", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* people("stubborn", 12, 401)
        yield* connectAcme("stubborn", { removeDeleted: true })
        yield* sync("stubborn", "ACME")
        yield* sql`DELETE FROM nexus.contact WHERE user_id = 'stubborn'`
        script.remove = (batch) =>
          Effect.succeed(batch.map(() => Outcome.Rejected({ reason: "It is locked", retryable: true })))
        assert.deepInclude(yield* sync("stubborn", "ACME"), { state: "COMPLETED", removed: 0 })
        assert.deepStrictEqual(yield* recorded("stubborn"), { created: 12 })
        script.remove = (batch) => Effect.succeed(batch.map(({ email }) => Outcome.Updated({ externalId: email })))
        assert.deepInclude(yield* sync("stubborn", "ACME"), { state: "COMPLETED", removed: 12 })
        assert.deepStrictEqual(yield* recorded("stubborn"), {})
      })
    )
  })
})

const connectAcmeLater = Effect.map(Effect.context<Integrations>(), (context) =>
  Effect.provide(connectAcme("moves", {}, "new"), context)
)
