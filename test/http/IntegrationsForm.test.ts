import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { builtInEmulators, withEmulators } from "../support/Integrating.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const providers = Object.keys(builtInEmulators)

layer(withEmulators(builtInEmulators, TestApi.layer), { excludeTestServices: true, timeout: "60 seconds" })(
  "The form that connects",
  (it) => {
    it.effect("names every field that is wrong and repeats none of their values", () =>
      Effect.gen(function* () {
        const { ask, token } = yield* TestApi
        const user = { token: yield* token("clumsy") }
        const secret = "hunter2-hunter2"
        const cases = [
          [
            "SALESFORCE",
            { accessToken: [secret], instanceUrl: `https://evil.example/${secret}` },
            ["accessToken", "instanceUrl"]
          ],
          ["HUBSPOT", { accesToken: secret }, ["accesToken", "accessToken"]],
          ["ZOHO", { accessToken: { secret }, apiDomain: secret }, ["accessToken", "apiDomain"]],
          ["MAILCHIMP", { apiKey: secret }, ["apiKey", "audienceId"]],
          ["SENDGRID", { apiKey: `${secret}\r\nx: y`, listId: secret }, ["apiKey", "listId"]],
          ["ZAPIER", { webhookUrl: `https://hooks.zapier.com.evil.example/${secret}` }, ["webhookUrl"]]
        ] as const
        for (const [provider, credentials, wrong] of cases) {
          const body = { provider, credentials, settings: { autoSync: secret, nonsense: secret } }
          const answer = yield* ask("POST", "/integrations/connect", { ...user, body })
          assert.strictEqual(answer.status, 400, answer.text)
          assert.strictEqual(answer.json.type, "urn:nexus:problem:invalid-integration")
          assert.includeMembers(
            answer.json.errors.map(({ path }: { path: string }) => path),
            [...wrong.map((name) => `credentials.${name}`), "settings.autoSync", "settings.nonsense"],
            answer.text
          )
          assert.notInclude(answer.text, secret)
        }
        assert.deepStrictEqual((yield* ask("GET", "/integrations", user)).json, [])
      })
    )

    it.effect("says which providers there are", () =>
      Effect.gen(function* () {
        const { ask } = yield* TestApi
        const answer = yield* ask("POST", "/integrations/connect", { body: { provider: "PIPEDRIVE", credentials: {} } })
        assert.strictEqual(answer.status, 400)
        assert.deepStrictEqual(answer.json.errors, [
          {
            path: "provider",
            message: `There is no provider PIPEDRIVE. There are: ${providers.join(", ")}`
          }
        ])
        for (const [method, path] of [
          ["GET", ""],
          ["PATCH", ""],
          ["DELETE", ""],
          ["POST", "/sync"],
          ["POST", "/verify"],
          ["POST", "/test"],
          ["GET", "/fields"],
          ["GET", "/syncs"]
        ] as const) {
          const body = method === "PATCH" ? {} : undefined
          const unknown = yield* ask(method, `/integrations/PIPEDRIVE${path}`, { body })
          assert.deepStrictEqual([unknown.status, unknown.json.type], [404, "urn:nexus:problem:unknown-provider"])
          if (path === "/syncs") continue
          const missing = yield* ask(method, `/integrations/HUBSPOT${path}`, { body })
          assert.deepStrictEqual([missing.status, missing.json.type], [404, "urn:nexus:problem:not-connected"])
        }
      })
    )

    it.effect("checks a field mapping that comes with the credentials", () =>
      Effect.gen(function* () {
        const { connect, ask } = yield* userOf("HUBSPOT", "maps")
        const fieldMapping = { email: "phone", firstName: "no_such_field" }
        const wrong = yield* connect(undefined, { settings: { fieldMapping } })
        assert.strictEqual(wrong.status, 400, wrong.text)
        assert.deepStrictEqual(
          wrong.json.errors.map(({ path }: { path: string }) => path),
          ["settings.fieldMapping.email", "settings.fieldMapping.firstName"]
        )
        assert.strictEqual((yield* ask("GET")).status, 404)
        const right = yield* connect(undefined, {
          settings: { fieldMapping: { firstName: "firstname" }, autoSync: true }
        })
        assert.deepStrictEqual(right.json.settings, { fieldMapping: { firstName: "firstname" }, autoSync: true })
        assert.deepStrictEqual(
          (yield* connect()).json.settings,
          right.json.settings,
          "settings stay when none are given"
        )
      })
    )

    it.effect("is a form that can be drawn from the catalogue", () =>
      Effect.gen(function* () {
        const { ask, token } = yield* TestApi
        const user = { token: yield* token("reads-catalogue") }
        const { status, json } = yield* ask("GET", "/integrations/providers", user)
        assert.strictEqual(status, 200)
        assert.deepStrictEqual(
          json.map(({ id }: { id: string }) => id),
          providers
        )
        for (const { name, credentials, settings, capabilities, fieldMapping, oauth, isConnected } of json) {
          assert.isFalse(isConnected)
          assert.deepInclude(credentials, { type: "object", additionalProperties: false })
          // A token from elsewhere is enough to connect with, where the provider has OAuth.
          const optional = ["refreshToken", "expiresAt", "accountsServer"]
          const fields = Object.keys(credentials.properties).filter((field) => !optional.includes(field))
          assert.deepStrictEqual(credentials.required, fields, name)
          assert.strictEqual(capabilities.includes("oauth"), oauth !== null, name)
          let secrets = 0
          for (const field of Object.values<Record<string, unknown>>(credentials.properties)) {
            assert.strictEqual(field.type, "string", name)
            assert.isNotEmpty(field.title, name)
            assert.isNotEmpty(field.description, name)
            if (field.format === "password") secrets++
          }
          assert.isAbove(secrets, 0, name)
          assert.strictEqual(settings.type, "object", name)
          assert.strictEqual(capabilities.includes("contacts"), fieldMapping !== null, name)
        }
      })
    )
  }
)
