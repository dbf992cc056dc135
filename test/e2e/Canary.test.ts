import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Ref, Schedule } from "effect"
import type { EmulatedAnswer } from "nexus-integrations/plugin/testing"
import { DispatcherLayer } from "../../src/webhooks/Dispatcher.ts"
import { builtInEmulators, Emulators, withEmulators } from "../support/Integrating.ts"
import { databaseDump, leaksIn, makeSpanKeeper } from "../support/Leaks.ts"
import { type Ask, TestApi } from "../support/TestApi.ts"

const keeper = makeSpanKeeper()
const TestLayer = withEmulators(builtInEmulators, (variables) =>
  DispatcherLayer.pipe(
    Layer.provideMerge(TestApi.layer({ NEXUS_SYNCS_PER_MINUTE: "1000", ...variables })),
    Layer.provide(keeper.layer)
  )
)

/** Credentials of the right form that no emulator takes. */
const wellFormed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  HUBSPOT: { accessToken: "pat-na1-canary\"hub\\spot'4711-token/+=" },
  MAILCHIMP: { apiKey: "canary0mailchimp0key0123456789abc-us6", audienceId: "a1b2c3d4e5" },
  SALESFORCE: { accessToken: "00Dcanary!salesforce.token_4711", instanceUrl: "https://acme.my.salesforce.com" },
  SENDGRID: {
    apiKey: "SG.canarysendgrid0000000.canarysendgridkey0000000000000000000000000000",
    listId: "11111111-2222-4333-8444-555555555555"
  },
  ZOHO: { accessToken: "1000.canaryzoho4711.canaryzohotoken4711", apiDomain: "https://www.zohoapis.com" }
}
const shown = new Set(["audienceId", "instanceUrl", "listId", "apiDomain"])

/** An answer of a provider that repeats what it was sent, in every form that the plugins read errors in. */
const echo = (provider: string, status: number, secret: string): EmulatedAnswer => {
  const base64 = Buffer.from(`anystring:${secret}`).toString("base64")
  const message = `The token ${secret} is bad (${encodeURIComponent(secret)}, ${base64}, ${JSON.stringify(secret)})`
  const errors = [{ message, field: secret, error: message }]
  const body = {
    ...{ message, title: message, detail: message, error: message, error_description: message, errors },
    ...{ category: "VALIDATION_ERROR", code: "INVALID_DATA", status: "error", details: { api_name: secret } }
  }
  return { status, body: provider === "SALESFORCE" ? [{ errorCode: message, message, fields: [secret] }] : body }
}

layer(TestLayer, { excludeTestServices: true, timeout: "120 seconds" })("Secrets", (it) => {
  it.effect(
    "that entered at every place are in no answer, log line, trace or table",
    () =>
      Effect.gen(function* () {
        const api = yield* TestApi
        const emulators = yield* Emulators
        const answers = yield* Ref.make<ReadonlyArray<readonly [string, string]>>([])
        const jwt = yield* api.token("canary-user")
        const secrets: Record<string, string> = { "the token": jwt }

        /** Asks, and keeps the answer; `issues` is for the few that are there to tell a secret. */
        const ask = Effect.fnUntraced(function* (method: string, path: string, ask: Ask = {}, issues = false) {
          const answer = yield* api.ask(method, path, { token: jwt, ...ask })
          const headers = Array.from(answer.headers, ([name, value]) => `${name}: ${value}`).join("\n")
          const text = issues ? headers : `${headers}\n${answer.text}`
          yield* Ref.update(answers, (all) => [...all, [`${method} ${path}`, text] as const])
          assert.notStrictEqual(answer.status, 500, `${method} ${path}: ${answer.text}`)
          return answer
        })
        const connect = (provider: string, credentials: object, headers: Record<string, string> = {}) =>
          ask("POST", "/integrations/connect", { headers, body: { provider, credentials, settings: {} } })

        for (let n = 0; n < 3; n++) {
          yield* ask("POST", "/contacts", { body: { email: `ada${n}@example.com`, lastName: `No ${n}` } })
        }

        for (const [provider, credentials] of Object.entries(wellFormed)) {
          const { emulator, server } = emulators.of(provider)
          for (const [name, value] of Object.entries({ ...emulator.credentials, ...emulator.refused })) {
            if (!shown.has(name)) secrets[`${provider} ${name} ${value.length}`] = value
          }
          for (const [name, value] of Object.entries(emulator.credentials)) {
            if (!shown.has(name)) secrets[`the ${name} that ${provider} takes`] = value
          }
          const canary = Object.entries(credentials).find(([name]) => !shown.has(name))?.[1] ?? ""
          secrets[`the secret that ${provider} refuses`] = canary
          const wrong = `canary-${provider}-wrong-place`
          secrets[`${provider}, at the wrong place`] = wrong

          // Wrong types, wrong fields, and a key that is one itself.
          yield* connect(provider, { ...credentials, token: wrong })
          yield* connect(provider, Object.fromEntries(Object.keys(credentials).map((name) => [name, [wrong]])))
          yield* connect(
            provider,
            Object.fromEntries(Object.keys(credentials).map((name) => [name, { [name]: wrong }]))
          )
          yield* connect(
            provider,
            Object.fromEntries(Object.keys(credentials).map((name) => [name, `${wrong}\u0000\r\n`]))
          )
          yield* ask("POST", "/integrations/connect", { body: `{"provider":"${provider}","credentials":"${wrong}"}` })
          yield* ask("POST", "/integrations/connect", {
            body: `{"provider":"${provider}","credentials":{"x":"${wrong}`
          })

          // Refused, and told why in words that repeat them.
          for (const status of [400, 401, 403, 404, 429, 500]) {
            server.inject({ kind: echo(provider, status, canary), times: status === 429 ? 1 : 20 })
            yield* connect(provider, credentials)
            server.heal()
            yield* ask("DELETE", `/integrations/${provider}`)
          }

          // Taken; then everything that can be asked, with a provider that repeats the secret.
          const key = `canary-idempotency-${provider}`
          assert.strictEqual((yield* connect(provider, emulator.credentials, { "idempotency-key": key })).status, 201)
          yield* connect(provider, emulator.credentials, { "idempotency-key": key })
          const taken = Object.entries(emulator.credentials).find(([name]) => !shown.has(name))?.[1] ?? ""
          for (const status of [400, 401, 403, 404, 500]) {
            server.inject({ kind: echo(provider, status, taken), times: 50 })
            for (const [method, rest, body] of [
              ["POST", "/verify"],
              ["GET", "/fields"],
              ["PATCH", "", { settings: { fieldMapping: { firstName: "nowhere" } } }],
              ["PATCH", "", { status: "INACTIVE" }],
              ["PATCH", "", { status: "ACTIVE" }]
            ] as const) {
              yield* ask(method, `/integrations/${provider}${rest}`, { body })
            }
            server.heal()
            yield* connect(provider, emulator.credentials)
            // The first calls of a sync work, and what comes after them does not.
            if (status !== 500) {
              const writes = server.requests.length
              server.inject({
                kind: echo(provider, status, taken),
                when: ({ method }) => method !== "GET" && server.requests.length >= writes,
                times: 50
              })
              const sync = yield* ask("POST", `/integrations/${provider}/sync`, { body: { full: true } })
              server.heal()
              const id = sync.json.id ?? sync.json.runId
              yield* ask("GET", `/integrations/${provider}/syncs/${id}`)
              yield* ask("GET", `/integrations/${provider}/syncs/${id}/rejected.csv`)
              yield* ask("POST", `/integrations/${provider}/syncs/${id}/cancel`)
            }
            yield* connect(provider, emulator.credentials)
            yield* ask("GET", `/integrations/${provider}`)
          }
          server.inject({ kind: echo(provider, 400, taken), times: 50 })
          yield* ask("DELETE", `/integrations/${provider}`)
          server.heal()
          yield* connect(provider, emulator.credentials)
        }

        // Webhooks: their secrets, their headers, and the URL of one that is a secret.
        const imported = "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTQ3MTEtaW1wb3J0ZWQ="
        secrets["an imported webhook secret"] = imported
        secrets["a webhook's header"] = "Bearer canary-header-4711-value"
        const hook = "https://hooks.zapier.com/hooks/catch/471100/canaryZapierHook/"
        secrets["Zapier's URL"] = hook
        secrets["Zapier's hook"] = "/hooks/catch/471100/canaryZapierHook/"
        const headers = { "idempotency-key": "canary-webhook-key" }
        const body = {
          url: "http://127.0.0.1:8099/",
          events: ["*"],
          secret: imported,
          headers: { authorization: secrets["a webhook's header"] }
        }
        const made = yield* ask("POST", "/integrations/webhooks", { headers, body }, true)
        assert.strictEqual(made.status, 201, made.text)
        yield* ask("POST", "/integrations/webhooks", { headers, body }, true)
        const rotated = yield* ask("POST", `/integrations/webhooks/${made.json.id}/rotate-secret`, { body: {} }, true)
        secrets["a rotated webhook secret"] = rotated.json.secret

        const zapier = emulators.of("ZAPIER").server
        zapier.inject({
          kind: { status: 500, headers: { location: hook, "x-path": new URL(hook).pathname }, body: `No hook ${hook}` },
          when: ({ path }) => path.includes("canaryZapierHook"),
          times: 1
        })
        zapier.inject({
          kind: {
            status: 302,
            headers: { location: `http://127.0.0.1/${new URL(hook).pathname}` },
            body: encodeURIComponent(hook)
          },
          when: ({ path }) => path.includes("canaryZapierHook"),
          times: 1
        })
        assert.strictEqual((yield* connect("ZAPIER", { webhookUrl: hook })).status, 201)
        yield* ask("POST", "/integrations/events", { body: { eventType: "CARD_VIEW", payload: { cardId: "card-1" } } })
        yield* ask("POST", "/integrations/ZAPIER/test")
        const webhooks = yield* ask("GET", "/integrations/webhooks")
        for (const { id } of webhooks.json) yield* ask("GET", `/integrations/webhooks/${id}`)
        const { id: managed } = webhooks.json.find(
          ({ managedBy }: { managedBy: string | null }) => managedBy === "ZAPIER"
        )
        const deliveries = yield* ask("GET", `/integrations/webhooks/${managed}/deliveries`).pipe(
          Effect.repeat({ until: ({ text }) => text.includes("No hook"), schedule: Schedule.spaced("100 millis") }),
          Effect.timeout("20 seconds")
        )
        for (const { id } of deliveries.json) {
          const path = `/integrations/webhooks/${managed}/deliveries/${id}`
          yield* ask("GET", path).pipe(
            Effect.repeat({ until: ({ json }) => json.status !== "pending", schedule: Schedule.spaced("100 millis") }),
            Effect.timeout("30 seconds")
          )
        }

        // Mailchimp's emulator takes the very key that the form has as its example.
        const { text: catalogue } = yield* api.ask("GET", "/integrations/providers", { token: jwt })
        const withoutExamples = catalogue.replaceAll(/"examples":\[[^\]]*\]/g, "")
        yield* Ref.update(answers, (all) => [...all, ["the catalogue", withoutExamples] as const])
        for (const path of [
          "/integrations",
          "/audit-log?limit=200",
          "/contacts",
          "/contacts/export",
          "/metrics",
          "/openapi.json"
        ]) {
          yield* ask("GET", path)
        }

        const found = (yield* Ref.get(answers)).concat(
          api.logs.map((line) => ["the log", line] as const),
          keeper.texts(),
          yield* databaseDump
        )
        const spans = keeper.texts().map(([name]) => name)
        assert.include(spans, "span Integrations.connect")
        assert.isAbove(found.length, 1000)
        const leaks = leaksIn(found, secrets)
        assert.deepStrictEqual(leaks.slice(0, 20), [], `${leaks.length} leaks`)
        for (const [name, secret] of Object.entries(secrets)) {
          assert.isNotEmpty(leaksIn([["itself", secret]], { [name]: secret }), `${name} would be found`)
        }
      }),
    60_000
  )
})
