import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { MailchimpEmulator } from "../../plugins/mailchimp/Emulator.ts"
import { withEmulators } from "../support/Integrating.ts"
import { audited } from "../support/People.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const TestLayer = withEmulators({ HUBSPOT: HubSpotEmulator, MAILCHIMP: MailchimpEmulator }, (variables) =>
  TestApi.layer(variables)
)

const actions = (id: string) => Effect.map(audited(id), (entries) => entries.map(({ action }) => action))

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Settings of integrations over HTTP", (it) => {
  it.effect("are paused and resumed", () =>
    Effect.gen(function* () {
      const { ask, connect, emulator, server } = yield* userOf("HUBSPOT", "pauses")
      const { json } = yield* connect()
      assert.strictEqual((yield* ask("PATCH", "", { status: "INACTIVE" })).json.status, "INACTIVE")
      const calls = server.requests.length
      const sync = yield* ask("POST", "/sync")
      assert.deepStrictEqual([sync.status, sync.json.type], [409, "urn:nexus:problem:integration-not-active"])
      assert.strictEqual(
        sync.json.detail,
        'HubSpot is paused. Resume it with PATCH /integrations/HUBSPOT {"status": "ACTIVE"}'
      )
      assert.strictEqual(server.requests.length, calls)

      emulator.revokeAccess(true)
      const verified = yield* ask("POST", "/verify")
      assert.deepInclude(verified.json, { status: "INACTIVE", lastErrorKind: "Unauthorized" })
      const resumed = yield* ask("PATCH", "", { status: "ACTIVE" })
      assert.deepInclude(resumed.json, { status: "ERROR", lastErrorKind: "Unauthorized" })
      emulator.revokeAccess(false)
      assert.deepInclude((yield* ask("POST", "/verify")).json, { status: "ACTIVE", lastError: null })
      assert.deepStrictEqual(yield* actions(json.id), [
        "integration.connected",
        "integration.paused",
        "integration.verified",
        "integration.resumed",
        "integration.verified"
      ])
      assert.deepStrictEqual((yield* ask("PATCH", "", {})).json, (yield* ask("GET")).json)
      assert.strictEqual((yield* actions(json.id)).length, 5, "a change of nothing is no change")
    })
  )

  it.effect("have settings that are merged, and judged", () =>
    Effect.gen(function* () {
      const { ask, connect } = yield* userOf("MAILCHIMP", "sets")
      yield* connect(undefined, { settings: { newStatus: "pending" } })
      const { json } = yield* ask("PATCH", "", { settings: { autoSync: true } })
      assert.deepStrictEqual(json.settings, { newStatus: "pending", autoSync: true })
      const wrong = { newStatus: "hunter2", autoSync: "hunter2", tag: "hunter2", fieldMapping: { nickname: "FNAME" } }
      const refused = yield* ask("PATCH", "", { settings: wrong })
      assert.strictEqual(refused.status, 400, refused.text)
      assert.deepStrictEqual(refused.json.errors.map(({ path }: { path: string }) => path).sort(), [
        "settings.autoSync",
        "settings.fieldMapping.nickname",
        "settings.newStatus",
        "settings.tag"
      ])
      assert.notInclude(refused.text, "hunter2")
      assert.deepStrictEqual((yield* ask("GET")).json.settings, json.settings)
      assert.strictEqual((yield* ask("PATCH", "", { status: "ERROR" })).status, 400)
    })
  )

  it.effect("have a field mapping that aims at the provider's fields, and sends there", () =>
    Effect.gen(function* () {
      const { ask, askAt, connect, emulator, server } = yield* userOf("HUBSPOT", "maps")
      yield* askAt("POST", "/contacts", { email: "map@example.com", firstName: "Ada", cardId: "card-9" })
      yield* connect()
      const fields = yield* ask("GET", "/fields")
      assert.strictEqual(fields.status, 200)
      assert.deepInclude(fields.json, { name: "jobtitle", label: "jobtitle", type: "text", required: false })
      const moved = yield* ask("PATCH", "", { settings: { fieldMapping: { email: "jobtitle", firstName: "nope" } } })
      assert.strictEqual(moved.status, 400)
      assert.deepInclude(moved.json.errors, {
        path: "settings.fieldMapping.email",
        message: "Contacts are matched by email, which HubSpot has in email"
      })
      assert.match(moved.json.errors[1].message, /^HubSpot has no field "nope"\. It has email, firstname, /)

      const mapping = { fieldMapping: { firstName: "firstname", cardId: "jobtitle" } }
      assert.strictEqual((yield* ask("PATCH", "", { settings: mapping })).status, 200)
      assert.strictEqual((yield* ask("POST", "/sync")).json.contactsSynced, 1)
      const there = emulator.contacts?.all().find(({ email }) => email === "map@example.com")
      assert.deepInclude(there?.fields, { firstname: "Ada", jobtitle: "card-9" })
      const back = yield* ask("PATCH", "", { settings: { fieldMapping: null } })
      assert.isNull(back.json.settings.fieldMapping)

      // What the provider says about settings that are only tried is no trouble of the integration.
      server.inject({ kind: emulator.failures.unavailable, times: 10 })
      const untried = yield* ask("PATCH", "", { settings: { ...mapping, autoSync: true } })
      server.heal()
      assert.deepStrictEqual([untried.status, untried.json.type], [502, "urn:nexus:problem:provider-failed"])
      assert.deepInclude((yield* ask("GET")).json, { status: "ACTIVE", lastError: null })
    })
  )
})
