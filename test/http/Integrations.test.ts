import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { Emulators, withEmulators } from "../support/Integrating.ts"
import { TestApi } from "../support/TestApi.ts"

const TestLayer = withEmulators({ HUBSPOT: HubSpotEmulator }, (variables) => TestApi.layer(variables))

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Integrations over HTTP", (it) => {
  it.effect("connects, syncs and disconnects as the product documentation has it", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const { emulator } = (yield* Emulators).of("HUBSPOT")
      const user = { token: yield* token("ann") }
      for (const n of [1, 2, 3]) {
        const body = { email: `ada${n}@example.com`, firstName: "Ada", lastName: `Lovelace ${n}` }
        assert.strictEqual((yield* ask("POST", "/contacts", { ...user, body })).status, 201)
      }

      const connected = yield* ask("POST", "/integrations/connect", {
        ...user,
        body: { provider: "HUBSPOT", credentials: emulator.credentials }
      })
      assert.strictEqual(connected.status, 201, connected.text)
      assert.deepInclude(connected.json, {
        provider: "HUBSPOT",
        status: "ACTIVE",
        accountId: "12345678",
        lastError: null
      })
      assert.deepStrictEqual(connected.json.credentials, { accessToken: "••••3333" })

      const synced = yield* ask("POST", "/integrations/HUBSPOT/sync", user)
      assert.strictEqual(synced.status, 201, synced.text)
      assert.deepInclude(synced.json, { message: "HubSpot sync completed", contactsSynced: 3, created: 3, rejected: 0 })
      assert.strictEqual(emulator.contacts?.all().length, 3)

      const again = yield* ask("POST", "/integrations/HUBSPOT/sync", user)
      assert.deepInclude(again.json, { contactsSynced: 3, created: 0, unchanged: 3 })

      const list = yield* ask("GET", "/integrations", user)
      assert.strictEqual(list.json.length, 1)
      assert.isString(list.json[0].lastSyncAt)

      const gone = yield* ask("DELETE", "/integrations/HUBSPOT", user)
      assert.deepStrictEqual(gone.json, { success: true })
      assert.deepStrictEqual((yield* ask("GET", "/integrations", user)).json, [])
    })
  )
})
