import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { GoogleDriveEmulator } from "../../../plugins/google-drive/Emulator.ts"
import { withEmulators } from "../../support/Integrating.ts"
import { userOf } from "../../support/ProviderUser.ts"
import { TestApi } from "../../support/TestApi.ts"

const google = GoogleDriveEmulator()
const TestLayer = withEmulators({ GOOGLE_DRIVE: () => google }, (variables) => TestApi.layer(variables))

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Google Drive in the service", (it) => {
  it.effect("gets exports into one folder, past the end of a token, until it is disconnected", () =>
    Effect.gen(function* () {
      const { connect, ask, addContacts } = yield* userOf("GOOGLE_DRIVE", "exports-to-drive")
      yield* addContacts(3)
      assert.deepInclude((yield* connect()).json, { status: "ACTIVE", accountLabel: "ada.lovelace@example.com" })

      const first = yield* ask("POST", "/sync")
      assert.strictEqual(first.status, 201, first.text)
      const [file] = google.files.all()
      assert.deepStrictEqual(file?.folder, ["Nexus"])
      assert.match(file?.name ?? "", /^contacts-export-.+\.csv$/)
      assert.strictEqual(file?.text.trimEnd().split("\n").length, 4)

      google.oauth.expire()
      const second = yield* ask("POST", "/sync", {})
      assert.strictEqual(second.status, 201, second.text)
      assert.strictEqual(google.oauth.counts().refreshes, 1)
      assert.strictEqual(google.files.all().length, 2)
      assert.deepStrictEqual(google.drive.folders(), ["Nexus"])

      google.files.fill(true)
      const full = yield* ask("POST", "/sync", {})
      assert.notStrictEqual(full.status, 201)
      assert.include(full.text, "Your Google Drive is full")
      google.files.fill(false)

      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.strictEqual(google.revocations(), 1)
    })
  )
})
