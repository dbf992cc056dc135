import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { ZapierEmulator } from "../../plugins/zapier/Emulator.ts"
import { DispatcherLayer } from "../../src/webhooks/Dispatcher.ts"
import { withEmulators } from "../support/Integrating.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const zapier = ZapierEmulator()
const TestLayer = withEmulators({ ZAPIER: () => zapier }, (variables) =>
  DispatcherLayer.pipe(Layer.provideMerge(TestApi.layer(variables)))
)

const hook = (name: string) => ({ webhookUrl: `https://hooks.zapier.com/hooks/catch/4711/${name}/` })
const caughtAt = (name: string) => zapier.catches().filter(({ path }) => path.includes(`/${name}/`))
const caught = (name: string, count = 1) =>
  Effect.sync(() => caughtAt(name)).pipe(
    Effect.repeat({ until: (all) => all.length >= count, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("20 seconds")
  )

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Zapier", (it) => {
  it.effect("gets every event of the user through a webhook of its own, whose URL stays secret", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { connect, askAt, ask, server } = yield* userOf("ZAPIER", "zed")
      const { json } = yield* connect(hook("secretHookOfZed"))
      assert.deepStrictEqual(json.credentials, { webhookUrl: "••••Zed/" })
      const { json: webhooks, text } = yield* askAt("GET", "/integrations/webhooks")
      assert.strictEqual(webhooks.length, 1)
      assert.deepInclude(webhooks[0], {
        // Where the emulator stands in, it is shown that it does.
        url: `${server.url}/••••fZed`,
        events: ["*"],
        managedBy: "ZAPIER",
        isActive: true
      })
      assert.notInclude(text, "secretHook")
      const [row] = yield* sql<{ text: string }>`SELECT to_json(w)::text AS text FROM nexus.webhook_subscription AS w`
      assert.notInclude(row?.text, "secretHook")

      yield* askAt("POST", "/integrations/events", { eventType: "CARD_VIEW", payload: { cardId: "card-1" } })
      const [first] = yield* caught("secretHookOfZed")
      assert.deepInclude(first?.payload, { event: "CARD_VIEW", data: { cardId: "card-1" } })
      const test = yield* ask("POST", "/test")
      assert.strictEqual(test.status, 201, test.text)
      assert.deepInclude((yield* caught("secretHookOfZed", 2))[1]?.payload, { event: "CONTACT_CREATED" })
      const delivery = `/integrations/webhooks/${webhooks[0].id}/deliveries/${test.json.deliveryId}`
      const shown = yield* askAt("GET", delivery)
      assert.notInclude(shown.text, "secretHook")
    })
  )

  it.effect("has no contacts, so there is nothing to sync, and says so", () =>
    Effect.gen(function* () {
      const { connect, ask } = yield* userOf("ZAPIER", "zoe")
      yield* connect(hook("zoe1"))
      for (const [method, rest] of [
        ["POST", "/sync"],
        ["GET", "/fields"]
      ] as const) {
        const answer = yield* ask(method, rest)
        assert.deepStrictEqual([answer.status, answer.json.type], [422, "urn:nexus:problem:not-supported"])
        assert.strictEqual(
          answer.json.detail,
          "Zapier takes no contacts. It gets the user's events as they happen, so there is nothing to sync"
        )
      }
      const settings = yield* ask("PATCH", "", { settings: { autoSync: true } })
      assert.deepStrictEqual(settings.json.errors, [{ path: "settings.autoSync", message: "Zapier takes no contacts" }])
    })
  )

  it.effect("keeps its webhook from being changed by hand", () =>
    Effect.gen(function* () {
      const { connect, askAt } = yield* userOf("ZAPIER", "zack")
      yield* connect(hook("zack1"))
      const [{ id }] = (yield* askAt("GET", "/integrations/webhooks")).json
      for (const [method, body] of [["PATCH", { url: "http://127.0.0.1:1/" }], ["DELETE"]] as const) {
        const answer = yield* askAt(method, `/integrations/webhooks/${id}`, body)
        assert.deepStrictEqual([answer.status, answer.json.type], [409, "urn:nexus:problem:webhook-managed"])
      }
      assert.isTrue((yield* askAt("GET", `/integrations/webhooks/${id}`)).json.isActive)
    })
  )

  it.effect("has its webhook replaced, paused and removed with the integration", () =>
    Effect.gen(function* () {
      const { connect, ask, askAt } = yield* userOf("ZAPIER", "zara")
      const webhooks = Effect.map(askAt("GET", "/integrations/webhooks"), ({ json }) => json)
      yield* connect(hook("zaraOld"))
      const [old] = yield* webhooks
      yield* connect(hook("zaraNew"))
      const [replaced, ...others] = yield* webhooks
      assert.deepStrictEqual(others, [])
      assert.notStrictEqual(replaced.id, old.id)

      yield* ask("PATCH", "", { status: "INACTIVE" })
      assert.isFalse((yield* webhooks)[0].isActive)
      yield* askAt("POST", "/integrations/events", { eventType: "CARD_VIEW", payload: { cardId: "while paused" } })
      assert.strictEqual((yield* ask("PATCH", "", { status: "ACTIVE" })).json.status, "ACTIVE")
      assert.isTrue((yield* webhooks)[0].isActive)
      yield* ask("POST", "/test")
      yield* caught("zaraNew")
      assert.deepStrictEqual(caughtAt("zaraOld"), [])

      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.deepStrictEqual(yield* webhooks, [])
      assert.strictEqual((yield* ask("POST", "/test")).status, 404)
    })
  )

  it.effect("counts against the limit of webhooks once, however often it is connected", () =>
    Effect.gen(function* () {
      const { connect, askAt } = yield* userOf("ZAPIER", "zita")
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* connect(hook(`zita${n}`))).status, 201)
      assert.strictEqual((yield* askAt("GET", "/integrations/webhooks")).json.length, 1)
    })
  )

  it.effect("is in trouble when its webhook was disabled, and works again when it is resumed", () =>
    Effect.gen(function* () {
      const { connect, ask, askAt, server } = yield* userOf("ZAPIER", "zoltan")
      yield* connect(hook("zoltan"))
      server.inject({ kind: { status: 410 }, when: ({ path }) => path.includes("/zoltan/"), times: 100 })
      yield* askAt("POST", "/integrations/events", { eventType: "CARD_VIEW", payload: { cardId: "refused" } })
      const troubled = yield* ask("GET").pipe(
        Effect.repeat({ until: ({ json }) => json.status !== "ACTIVE", schedule: Schedule.spaced("50 millis") }),
        Effect.timeout("20 seconds")
      )
      assert.deepInclude(troubled.json, { status: "ERROR", lastErrorKind: "Misconfigured" })
      assert.match(
        troubled.json.lastError,
        /^Zapier gets no more events: .+\. Mend that there, then send PATCH \/integrations\/ZAPIER \{"status": "ACTIVE"\}/
      )
      assert.deepInclude((yield* ask("POST", "/verify")).json, { status: "ERROR" })
      server.heal()
      const resumed = yield* ask("PATCH", "", { status: "ACTIVE" })
      assert.deepInclude(resumed.json, { status: "ACTIVE", lastError: null })
      assert.isTrue((yield* askAt("GET", "/integrations/webhooks")).json[0].isActive)
      yield* ask("POST", "/test")
      yield* caught("zoltan")
    })
  )
})
