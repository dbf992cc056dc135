import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { HealthCheckLayer } from "../../src/integrations/HealthCheck.ts"
import { builtInEmulators, Emulators, withEmulators } from "../support/Integrating.ts"
import { audited } from "../support/People.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const TestLayer = withEmulators(builtInEmulators, (variables) =>
  HealthCheckLayer.pipe(Layer.provideMerge(TestApi.layer(variables)))
)

/** Makes every request to a provider fail until the scope ends. */
const outage = (provider: string) =>
  Effect.gen(function* () {
    const { emulator, server } = (yield* Emulators).of(provider)
    server.inject({ kind: emulator.failures.unavailable, times: 1000 })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.heal()))
    return server
  })

const sealedCredentials = Effect.fnUntraced(function* (id: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ credentials: string }>`SELECT credentials FROM nexus.integration WHERE id = ${id}::uuid`
  return row?.credentials
})

const providers = Object.keys(builtInEmulators)
const asked = providers.filter((provider) => provider !== "ZAPIER")

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Connecting", (it) => {
  for (const provider of providers) {
    it.effect(`${provider} answers as documented, secrets masked, and is in the audit log without them`, () =>
      Effect.gen(function* () {
        const { connect, ask, emulator } = yield* userOf(provider, `connects-${provider}`)
        const { status, json, text } = yield* connect()
        assert.strictEqual(status, 201, text)
        assert.deepInclude(json, { provider, status: "ACTIVE", settings: {}, lastSyncAt: null, lastError: null })
        assert.match(json.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.isNotEmpty(json.accountLabel)
        assert.deepStrictEqual(Object.keys(json.credentials).sort(), Object.keys(emulator.credentials).sort())
        const secrets = Object.entries(emulator.credentials).filter(([name]) => /token|key|url$/i.test(name))
        const hidden = secrets.filter(([name]) => !["instanceUrl", "accountUrl"].includes(name))
        assert.isNotEmpty(hidden)
        const audit = JSON.stringify(yield* audited(json.id))
        assert.include(audit, "integration.connected")
        for (const [name, secret] of hidden) {
          assert.strictEqual(json.credentials[name], `••••${secret.slice(-4)}`)
          assert.notInclude(text, secret)
          assert.notInclude(audit, secret)
          assert.notInclude(yield* sealedCredentials(json.id), secret)
        }
        assert.deepStrictEqual((yield* ask("GET")).json, json)
      })
    )

    it.effect(`${provider} reconnects in place`, () =>
      Effect.gen(function* () {
        const { connect } = yield* userOf(provider, `reconnects-${provider}`)
        const first = yield* connect()
        const again = yield* connect()
        assert.deepStrictEqual([again.status, again.json.id], [201, first.json.id])
        assert.deepStrictEqual(
          (yield* audited(first.json.id)).map(({ action }) => action),
          ["integration.connected", "integration.reconnected"]
        )
      })
    )
  }

  for (const provider of asked) {
    it.effect(`${provider} stores nothing that it refuses, and keeps a connection that works`, () =>
      Effect.gen(function* () {
        const { connect, ask, emulator } = yield* userOf(provider, `refused-${provider}`)
        const refused = yield* connect(emulator.refused)
        assert.strictEqual(refused.status, 422, refused.text)
        assert.strictEqual(refused.json.type, "urn:nexus:problem:credentials-refused")
        assert.match(refused.json.detail, /^[A-Z].* refuses the credentials: .*\. Connect again with new ones$/)
        assert.strictEqual((yield* ask("GET")).status, 404)

        const { json } = yield* connect()
        const before = yield* sealedCredentials(json.id)
        assert.strictEqual((yield* connect(emulator.refused)).status, 422)
        assert.strictEqual(yield* sealedCredentials(json.id), before)
        assert.deepStrictEqual((yield* ask("GET")).json, json)
      })
    )

    it.effect(`${provider} keeps a connection that works when new credentials can't be checked`, () =>
      Effect.gen(function* () {
        const { connect, ask } = yield* userOf(provider, `uncheckable-${provider}`)
        const { json } = yield* connect()
        const before = yield* sealedCredentials(json.id)
        yield* outage(provider)
        const answer = yield* connect()
        assert.deepStrictEqual(
          [answer.status, answer.json.type],
          [503, "urn:nexus:problem:credentials-uncheckable"],
          answer.text
        )
        assert.match(answer.json.detail, /The connection stays as it was; try again later$/)
        assert.strictEqual(yield* sealedCredentials(json.id), before)
        assert.deepStrictEqual((yield* ask("GET")).json, json)
      }).pipe(Effect.scoped)
    )

    it.effect(`${provider} shows what is wrong when its credentials are revoked, and new ones mend it`, () =>
      Effect.gen(function* () {
        const { connect, ask, emulator } = yield* userOf(provider, `revoked-${provider}`)
        yield* connect()
        emulator.revokeAccess(true)
        const verified = yield* ask("POST", "/verify")
        assert.deepInclude(verified.json, { status: "ERROR", lastErrorKind: "Unauthorized" })
        assert.match(verified.json.lastError, /Connect again with new ones$/)
        if (emulator.contacts !== undefined) {
          const sync = yield* ask("POST", "/sync")
          assert.deepStrictEqual([sync.status, sync.json.type], [409, "urn:nexus:problem:integration-not-active"])
          assert.strictEqual(sync.json.detail, verified.json.lastError)
        }
        emulator.revokeAccess(false)
        assert.deepInclude((yield* connect()).json, { status: "ACTIVE", lastError: null })
      })
    )
  }

  it.effect("is in status ERROR while a provider can't be reached, and the health check makes it ACTIVE", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const users = yield* Effect.forEach(asked, (provider) => userOf(provider, "outage"))
      for (const [index, { connect }] of users.entries()) {
        const server = yield* outage(asked[index] ?? "")
        const { status, json, text } = yield* connect()
        assert.strictEqual(status, 201, text)
        assert.deepInclude(json, { status: "ERROR", accountId: null, lastErrorKind: "Unavailable" })
        assert.match(json.lastError, / does not work at the moment: .*\. It is tried again by itself$/)
        server.heal()
      }
      yield* sql`UPDATE nexus.integration SET check_at = now() WHERE user_id = 'outage'`
      for (const { ask } of users) {
        const healed = yield* ask("GET").pipe(
          Effect.repeat({ until: ({ json }) => json.status === "ACTIVE", schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("15 seconds")
        )
        assert.deepInclude(healed.json, { lastError: null, lastErrorKind: null })
        assert.isNotEmpty(healed.json.accountId)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("takes a provider's id in any case", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const { emulator } = (yield* Emulators).of("HUBSPOT")
      const user = { token: yield* token("lower") }
      const body = { provider: "hubSpot", credentials: emulator.credentials }
      assert.strictEqual((yield* ask("POST", "/integrations/connect", { ...user, body })).json.provider, "HUBSPOT")
      assert.strictEqual((yield* ask("POST", "/integrations/hubspot/sync", user)).status, 201)
      assert.strictEqual((yield* ask("DELETE", "/integrations/HubSpot", user)).status, 200)
    })
  )

  it.effect("makes one integration of two at the same moment", () =>
    Effect.gen(function* () {
      const { connect } = yield* userOf("HUBSPOT", "twice")
      const answers = yield* Effect.all(
        Array.from({ length: 6 }, () => connect()),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
      assert.strictEqual(new Set(answers.map(({ json }) => json.id)).size, 1)
    })
  )

  it.effect("answers a repeated request with the same key as the first time", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const { emulator, server } = (yield* Emulators).of("HUBSPOT")
      const user = { token: yield* token("keyed"), headers: { "idempotency-key": "connect-1" } }
      const body = { provider: "HUBSPOT", credentials: emulator.credentials }
      const first = yield* ask("POST", "/integrations/connect", { ...user, body })
      const calls = server.requests.length
      const second = yield* ask("POST", "/integrations/connect", { ...user, body })
      assert.deepStrictEqual([second.status, second.text], [201, first.text])
      assert.strictEqual(second.headers.get("idempotency-replayed"), "true")
      assert.strictEqual(server.requests.length, calls)
    })
  )
})
