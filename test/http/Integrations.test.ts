import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { builtInEmulators, withEmulators } from "../support/Integrating.ts"
import { audited } from "../support/People.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const TestLayer = withEmulators(builtInEmulators, (variables) => TestApi.layer(variables))
const withContacts = Object.entries(builtInEmulators).flatMap(([provider, make]) =>
  make().contacts === undefined ? [] : [provider]
)
/** Those that are done when they answer. */
const atOnce = withContacts.filter((provider) => provider !== "SENDGRID")

const actions = (id: string) => Effect.map(audited(id), (entries) => entries.map(({ action }) => action))

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Integrations over HTTP", (it) => {
  for (const provider of atOnce) {
    it.effect(`${provider} is connected, synced and disconnected as the product documentation has it`, () =>
      Effect.gen(function* () {
        const { ask, askAt, connect, addContacts, emulator } = yield* userOf(provider, `life-${provider}`)
        yield* addContacts(3)
        // Whoever disconnects revokes, and all users of the emulator have the same token.
        emulator.revokeAccess(false)
        const { json: integration } = yield* connect()
        const synced = yield* ask("POST", "/sync")
        assert.strictEqual(synced.status, 201, synced.text)
        const message = `${integration.name} sync completed`
        assert.deepInclude(synced.json, { message, contactsSynced: 3, created: 3, rejected: 0, state: "COMPLETED" })
        assert.strictEqual(emulator.contacts?.all().length, 3)
        assert.deepInclude((yield* ask("POST", "/sync", {})).json, { contactsSynced: 3, created: 0, unchanged: 3 })
        const list = yield* askAt("GET", "/integrations")
        assert.deepStrictEqual(
          list.json.map(({ id }: { id: string }) => id),
          [integration.id]
        )
        assert.isString(list.json[0].lastSyncAt)

        const gone = yield* ask("DELETE")
        assert.deepStrictEqual([gone.status, gone.json], [200, { success: true }])
        assert.deepStrictEqual((yield* askAt("GET", "/integrations")).json, [])
        assert.strictEqual((yield* ask("DELETE")).status, 404)
        const history = yield* ask("GET", "/syncs")
        assert.strictEqual(history.json.length, 2, "the history of syncs stays")
        assert.deepStrictEqual(yield* actions(integration.id), [
          "integration.connected",
          "integration.synced",
          "integration.synced",
          "integration.disconnected"
        ])
        const sql = yield* PgClient.PgClient
        const left = yield* sql`
          SELECT FROM nexus.integration WHERE id = ${integration.id}::uuid
          UNION ALL SELECT FROM nexus.sync_record WHERE integration_id = ${integration.id}::uuid`
        assert.strictEqual(left.length, 0)
      })
    )
  }

  it.effect("a sync that the provider works on is 202, with the address of the run", () =>
    Effect.gen(function* () {
      const { ask, askAt, connect, addContacts } = yield* userOf("SENDGRID", "waits")
      yield* addContacts(2)
      yield* connect()
      const { status, headers, json, text } = yield* ask("POST", "/sync")
      assert.strictEqual(status, 202, text)
      assert.deepInclude(json, { state: "WAITING", pending: 2, contactsSynced: 0 })
      const location = headers.get("location") ?? ""
      assert.strictEqual(location, `/integrations/SENDGRID/syncs/${json.id}`)
      assert.strictEqual((yield* askAt("GET", location)).json.id, json.id)
      const second = yield* ask("POST", "/sync")
      assert.deepStrictEqual([second.status, second.json.type], [409, "urn:nexus:problem:sync-in-progress"])

      const paused = yield* ask("PATCH", "", { status: "INACTIVE" })
      assert.strictEqual(paused.json.status, "INACTIVE")
      assert.strictEqual((yield* askAt("GET", location)).json.state, "CANCELLED", "pausing ends what waits")
    })
  )

  it.effect("are revoked where the provider can, once, and an outage there keeps nobody", () =>
    Effect.gen(function* () {
      const { ask, connect, emulator, server } = yield* userOf("SALESFORCE", "revokes")
      emulator.revokeAccess(false)
      const before = emulator.revocations()
      const { json: first } = yield* connect()
      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.strictEqual(emulator.revocations(), before + 1)
      emulator.revokeAccess(false)
      const { json: second } = yield* connect()
      server.inject({ kind: "cut", times: 100 })
      assert.strictEqual((yield* ask("DELETE")).status, 200)
      server.heal()
      assert.strictEqual((yield* ask("GET")).status, 404)
      assert.strictEqual(emulator.revocations(), before + 1)
      const last = Effect.fnUntraced(function* (id: string) {
        return (yield* audited(id)).at(-1)?.detail
      })
      assert.deepStrictEqual(yield* last(first.id), { provider: "SALESFORCE", isRevoked: true })
      assert.deepStrictEqual(yield* last(second.id), { provider: "SALESFORCE", isRevoked: false })
    })
  )

  it.effect("of another user are as if they did not exist, also for the database", () =>
    Effect.gen(function* () {
      const mine = yield* userOf("HUBSPOT", "owner")
      const theirs = yield* userOf("HUBSPOT", "stranger")
      const { json } = yield* mine.connect()
      const { json: run } = yield* mine.ask("POST", "/sync")
      for (const [method, rest] of [
        ["GET", ""],
        ["PATCH", ""],
        ["DELETE", ""],
        ["POST", "/verify"],
        ["POST", "/sync"],
        ["POST", "/test"],
        ["GET", "/fields"],
        ["GET", `/syncs/${run.id}`],
        ["POST", `/syncs/${run.id}/cancel`],
        ["GET", `/syncs/${run.id}/rejected.csv`]
      ] as const) {
        const body = method === "PATCH" ? { status: "INACTIVE" } : undefined
        assert.strictEqual((yield* theirs.ask(method, rest, body)).status, 404, `${method} ${rest}`)
      }
      assert.deepStrictEqual((yield* theirs.askAt("GET", "/integrations")).json, [])
      assert.deepStrictEqual((yield* theirs.ask("GET", "/syncs")).json, [])
      assert.strictEqual((yield* mine.ask("GET")).json.status, "ACTIVE")

      const sql = yield* PgClient.PgClient
      const seen = (userId: string) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`SELECT set_config('role', 'nexus_api', true), set_config('nexus.user_id', ${userId}, true)`
            const found = yield* sql`SELECT FROM nexus.integration WHERE id = ${json.id}::uuid`
            const runs = yield* sql`SELECT FROM nexus.sync_run WHERE id = ${run.id}::uuid`
            const changed =
              yield* sql`UPDATE nexus.integration SET settings = settings WHERE id = ${json.id}::uuid RETURNING id`
            return [found.length, runs.length, changed.length]
          })
        )
      assert.deepStrictEqual(yield* seen("owner"), [1, 1, 1])
      assert.deepStrictEqual(yield* seen("stranger"), [0, 0, 0])
      assert.deepStrictEqual(yield* seen(""), [0, 0, 0])
    })
  )

  it.effect("sync at most ten times a minute each, however the provider is spelt", () =>
    Effect.gen(function* () {
      const { connect, askAt } = yield* userOf("HUBSPOT", "hurried")
      yield* connect()
      const first = yield* askAt("POST", "/integrations/HUBSPOT/sync")
      assert.match(first.headers.get("ratelimit") ?? "", /^"default";r=9;t=\d+$/)
      assert.strictEqual(first.headers.get("ratelimit-policy"), '"default";q=10;w=60')
      for (let n = 0; n < 9; n++) assert.strictEqual((yield* askAt("POST", "/integrations/hubspot/sync")).status, 201)
      const more = yield* askAt("POST", "/integrations/HubSpot/sync")
      assert.deepStrictEqual([more.status, more.json.type], [429, "urn:nexus:problem:too-many-requests"])
      assert.match(more.headers.get("retry-after") ?? "", /^\d+$/)
      assert.strictEqual((yield* askAt("GET", "/integrations/HUBSPOT")).status, 200)
    })
  )

  it.effect("sync once for an idempotency key", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const { connect, addContacts } = yield* userOf("HUBSPOT", "keyed")
      yield* addContacts(1)
      yield* connect()
      const keyed = { token: yield* token("keyed"), headers: { "idempotency-key": "sync-1" } }
      const first = yield* ask("POST", "/integrations/HUBSPOT/sync", keyed)
      const again = yield* ask("POST", "/integrations/HUBSPOT/sync", keyed)
      assert.deepStrictEqual([again.status, again.text], [201, first.text])
      assert.strictEqual((yield* ask("GET", "/integrations/HUBSPOT/syncs", keyed)).json.length, 1)
    })
  )

  it.effect("take everything at the same moment, and end once", () =>
    Effect.gen(function* () {
      const { ask, connect } = yield* userOf("HUBSPOT", "storm")
      const { json } = yield* connect()
      const all = yield* Effect.all(
        [
          ask("PATCH", "", { status: "INACTIVE" }),
          ask("POST", "/sync"),
          connect(),
          ask("PATCH", "", { settings: { autoSync: true } }),
          ask("POST", "/verify"),
          ask("POST", "/sync"),
          ask("PATCH", "", { status: "ACTIVE" })
        ],
        { concurrency: "unbounded" }
      )
      for (const { status, text } of all) assert.include([200, 201, 409], status, text)
      const ends = yield* Effect.all(
        Array.from({ length: 4 }, () => ask("DELETE")),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(ends.map(({ status }) => status).sort(), [200, 404, 404, 404])
      assert.strictEqual((yield* actions(json.id)).filter((action) => action === "integration.disconnected").length, 1)
    })
  )

  it.effect("whose plugin is gone are still listed, without credentials, and can be disconnected", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { connect, askAt } = yield* userOf("HUBSPOT", "orphan")
      const { json } = yield* connect()
      yield* sql`UPDATE nexus.integration SET provider = 'GONE_CRM' WHERE id = ${json.id}::uuid`
      const { json: list } = yield* askAt("GET", "/integrations")
      assert.deepInclude(list[0], { provider: "GONE_CRM", name: "GONE_CRM", credentials: {} })
      assert.deepStrictEqual((yield* askAt("GET", "/integrations/gone-crm")).json, list[0])
      assert.strictEqual((yield* askAt("POST", "/integrations/GONE_CRM/verify")).status, 404)
      assert.strictEqual((yield* askAt("DELETE", "/integrations/gone_crm")).status, 200)
      assert.deepStrictEqual((yield* askAt("GET", "/integrations")).json, [])
    })
  )

  it.effect("in a catalogue, say which are connected", () =>
    Effect.gen(function* () {
      const { connect, askAt } = yield* userOf("ZOHO", "browses")
      yield* connect()
      const { json } = yield* askAt("GET", "/integrations/providers")
      const connected = json.filter(({ isConnected }: { isConnected: boolean }) => isConnected)
      assert.deepStrictEqual(
        connected.map(({ id }: { id: string }) => id),
        ["ZOHO"]
      )
    })
  )
})
