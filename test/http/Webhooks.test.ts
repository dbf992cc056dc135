import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { DispatcherLayer } from "../../src/webhooks/Dispatcher.ts"
import { startReceiver, status } from "../support/Receiver.ts"
import { type Answer, TestApi } from "../support/TestApi.ts"

const webhooks = "/integrations/webhooks"
const nobody = "0199f0a0-0000-7000-8000-000000000000"

const create = Effect.fnUntraced(function* (url: string, fields: object = {}, token?: string) {
  const { ask } = yield* TestApi
  const answer = yield* ask("POST", webhooks, {
    token,
    body: { url, events: ["CONTACT_CREATED", "CARD_VIEW"], ...fields }
  })
  assert.strictEqual(answer.status, 201, answer.text)
  return answer.json
})

/** Asks again until the answer is as it will be at last. */
const eventually = (ask: Effect.Effect<Answer>, condition: (answer: Answer) => boolean) =>
  ask.pipe(Effect.repeat({ until: condition, schedule: Schedule.spaced("20 millis") }), Effect.timeout("20 seconds"))

const Api = DispatcherLayer.pipe(Layer.provideMerge(TestApi.layer({ NEXUS_WEBHOOKS_PER_USER: "30" })))

layer(Api, { excludeTestServices: true, timeout: "60 seconds" })("Webhooks over HTTP", (it) => {
  it.effect("are created as documented, and show their secret then alone", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const url = "http://127.0.0.1:8099/webhook"
      const made = yield* create(url)
      assert.deepInclude(made, { url, events: ["CONTACT_CREATED", "CARD_VIEW"], isActive: true })
      assert.match(made.id, /^[0-9a-f-]{36}$/)
      assert.match(made.secret, /^whsec_/)

      const listed = yield* ask("GET", webhooks)
      assert.strictEqual(listed.status, 200)
      const { secret, ...shown } = made
      assert.deepStrictEqual(listed.json, [shown])
      assert.deepStrictEqual((yield* ask("GET", `${webhooks}/${made.id}`)).json, shown)
      assert.notInclude(listed.text, secret)
    })
  )

  it.effect("are created once for one idempotency key, and the repeated answer has the same secret", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const request = {
        headers: { "idempotency-key": "w-1" },
        body: { url: "http://127.0.0.1:8099/once", events: ["*"] }
      }
      const first = yield* ask("POST", webhooks, request)
      const second = yield* ask("POST", webhooks, request)
      assert.strictEqual(second.headers.get("idempotency-replayed"), "true")
      assert.strictEqual(second.text, first.text)
      const all = yield* ask("GET", `${webhooks}?limit=200`)
      assert.strictEqual(all.json.filter(({ url }: { url: string }) => url.endsWith("/once")).length, 1)
    })
  )

  it.effect("are refused with every field that is wrong", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const answer = yield* ask("POST", webhooks, { body: { url: "http://10.0.0.1/", events: ["CARD_VIEW", "NOPE"] } })
      assert.deepStrictEqual([answer.status, answer.json.type], [400, "urn:nexus:problem:invalid-webhook"])
      assert.deepStrictEqual(answer.json.errors.map(({ path }: { path: string }) => path).sort(), ["events.1", "url"])
      assert.strictEqual(
        (yield* ask("POST", webhooks, { body: { url: "http://127.0.0.1:8099/", events: [] } })).status,
        400
      )
    })
  )

  it.effect("are paged, paused and deleted", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const pia = yield* token("pia")
      for (let n = 0; n < 3; n++) yield* create(`http://127.0.0.1:8099/${n}`, {}, pia)
      const first = yield* ask("GET", `${webhooks}?limit=2`, { token: pia })
      assert.deepStrictEqual(
        first.json.map(({ url }: { url: string }) => url.at(-1)),
        ["2", "1"]
      )
      const next = /^<(.*)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? ""
      const second = yield* ask("GET", next, { token: pia })
      assert.deepStrictEqual(
        second.json.map(({ url }: { url: string }) => url.at(-1)),
        ["0"]
      )
      assert.isNull(second.headers.get("link"))

      const [{ id }] = second.json
      const paused = yield* ask("PATCH", `${webhooks}/${id}`, { token: pia, body: { isActive: false } })
      assert.deepStrictEqual([paused.status, paused.json.isActive], [200, false])
      const deleted = yield* ask("DELETE", `${webhooks}/${id}`, { token: pia })
      assert.deepStrictEqual([deleted.status, deleted.json], [200, { success: true }])
      assert.strictEqual((yield* ask("GET", `${webhooks}/${id}`, { token: pia })).status, 404)
    })
  )

  it.effect("of another user are as if they did not exist, wherever they are named", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const { id } = yield* create("http://127.0.0.1:8099/mine")
      const other = yield* token("someone-else", "admin")
      for (const named of [id, nobody, "no-id"]) {
        for (const [method, path, body] of [
          ["GET", ""],
          ["PATCH", "", { isActive: false }],
          ["DELETE", ""],
          ["POST", "/test"],
          ["POST", "/rotate-secret"],
          ["DELETE", "/previous-secret"],
          ["GET", "/stats"],
          ["GET", "/replay"],
          ["POST", "/replay", { kind: "failed", since: "2025-11-20T10:30:00Z" }],
          ["GET", `/replay/${nobody}`],
          ["POST", `/replay/${nobody}/cancel`],
          ["GET", "/deliveries"],
          ["GET", `/deliveries/${nobody}`],
          ["POST", `/deliveries/${nobody}/retry`]
        ] as const) {
          const answer = yield* ask(method, `${webhooks}/${named}${path}`, { token: other, body })
          assert.strictEqual(answer.status, 404, `${method} ${path}: ${answer.text}`)
          assert.strictEqual(answer.json.type, "urn:nexus:problem:webhook-not-found")
        }
      }
      assert.isTrue((yield* ask("GET", `${webhooks}/${id}`)).json.isActive)
    })
  )

  it.effect("stop at the limit of the installation", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const max = yield* token("max")
      const body = { url: "http://127.0.0.1:8099/", events: ["*"] }
      for (let n = 0; n < 30; n++) assert.strictEqual((yield* ask("POST", webhooks, { token: max, body })).status, 201)
      const answer = yield* ask("POST", webhooks, { token: max, body })
      assert.deepStrictEqual([answer.status, answer.json.type], [409, "urn:nexus:problem:webhook-limit-reached"])
    })
  )

  it.effect("get what is emitted, and the history shows it as documented", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const eva = yield* token("eva")
      const receiver = yield* startReceiver()
      const { id, secret } = yield* create(`${receiver.url}/hook`, {}, eva)
      const payload = '{"z":1.0,"contactId":"contact-123","10":12345678901234567890}'
      const body = `{"eventType":"CONTACT_CREATED","payload":${payload}}`
      const { json: event } = yield* ask("POST", "/integrations/events", { token: eva, body })
      yield* receiver.until((requests) => requests.length > 0)
      const sent = receiver.requests[0]
      assert.include(sent?.body, `"data":${payload}`)
      assert.strictEqual(sent?.headers["webhook-id"], event.id)

      const list = yield* eventually(
        ask("GET", `${webhooks}/${id}/deliveries?limit=50`, { token: eva }),
        ({ json }) => json[0]?.status === "delivered"
      )
      assert.strictEqual(list.status, 200)
      assert.include(list.text, '"z":1.0', "numbers are spelt as they were")
      const [delivery] = list.json
      assert.deepInclude(delivery, {
        eventId: event.id,
        eventType: "CONTACT_CREATED",
        responseStatus: 200,
        responseBody: "ok",
        attemptCount: 1,
        failedAt: null,
        nextRetryAt: null
      })
      assert.match(delivery.deliveredAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      const one = yield* ask("GET", `${webhooks}/${id}/deliveries/${delivery.id}`, { token: eva })
      assert.strictEqual(one.json.attempts.length, 1)
      assert.deepInclude(one.json.attempts[0], { number: 1, responseStatus: 200, isManual: false })

      const retried = yield* ask("POST", `${webhooks}/${id}/deliveries/${delivery.id}/retry`, { token: eva })
      assert.deepStrictEqual([retried.status, retried.json], [200, { success: true }])
      yield* receiver.until((requests) => requests.length > 1)
      assert.strictEqual(receiver.requests[1]?.body, sent?.body)

      const filtered = (query: string) =>
        Effect.map(ask("GET", `${webhooks}/${id}/deliveries?${query}`, { token: eva }), ({ json }) => json.length)
      assert.strictEqual(yield* filtered("eventType=CARD_VIEW"), 0)
      assert.strictEqual(yield* filtered("status=failed"), 0)
      assert.strictEqual(yield* filtered("until=2025-11-20T10:30:00Z"), 0)
      assert.strictEqual(yield* filtered("since=2025-11-20T10:30:00Z"), 1)
      assert.strictEqual(yield* filtered("since=1900-01-01T00:00:00Z&until=9999-12-31T23:59:59Z"), 1)
      const never = yield* ask("GET", `${webhooks}/${id}/deliveries?since=-200000-01-01T00:00:00Z`, { token: eva })
      assert.deepStrictEqual([never.status, never.json.errors?.[0].path], [400, "since"])
      assert.include((yield* ask("GET", "/audit-log", { token: eva })).text, "webhook.created")
      assert.notInclude((yield* ask("GET", "/audit-log", { token: eva })).text, secret)
    })
  )

  it.effect("can be tested, rotated, replayed and counted", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const tom = yield* token("tom")
      const receiver = yield* startReceiver(status(410))
      const { id, secret } = yield* create(receiver.url, {}, tom)
      const test = yield* ask("POST", `${webhooks}/${id}/test`, { token: tom, body: { eventType: "CARD_VIEW" } })
      assert.strictEqual(test.status, 201)
      const delivery = ask("GET", `${webhooks}/${id}/deliveries/${test.json.deliveryId}`, { token: tom })
      assert.strictEqual((yield* eventually(delivery, ({ json }) => json.status === "failed")).json.responseStatus, 410)
      assert.include(receiver.requests[0]?.body, '"viewerId"')

      const rotated = yield* ask("POST", `${webhooks}/${id}/rotate-secret`, {
        token: tom,
        body: { overlapSeconds: 60 }
      })
      assert.strictEqual(rotated.status, 200)
      assert.match(rotated.json.secret, /^whsec_/)
      assert.notStrictEqual(rotated.json.secret, secret)
      assert.isNotNull(rotated.json.previousSecretExpiresAt)
      const ended = yield* ask("DELETE", `${webhooks}/${id}/previous-secret`, { token: tom })
      assert.isNull(ended.json.previousSecretExpiresAt)
      assert.notProperty(ended.json, "secret")

      const counted = { kind: "failed", since: "2025-11-20T10:30:00Z", dryRun: true }
      const dry = yield* ask("POST", `${webhooks}/${id}/replay`, { token: tom, body: counted })
      assert.deepStrictEqual([dry.status, dry.json.state, dry.json.id], [202, "DRY_RUN", null])
      const replay = yield* ask("POST", `${webhooks}/${id}/replay`, { token: tom, body: { ...counted, dryRun: false } })
      assert.strictEqual(replay.status, 202)
      const path = `${webhooks}/${id}/replay/${replay.json.id}`
      assert.strictEqual((yield* ask("GET", path, { token: tom })).json.id, replay.json.id)
      assert.strictEqual((yield* ask("POST", `${path}/cancel`, { token: tom })).json.state, "CANCELLED")
      assert.strictEqual((yield* ask("GET", `${webhooks}/${id}/replay`, { token: tom })).json.length, 1)
      const unknown = yield* ask("GET", `${webhooks}/${id}/replay/${nobody}`, { token: tom })
      assert.strictEqual(unknown.json.type, "urn:nexus:problem:replay-not-found")

      const stats = yield* ask("GET", `${webhooks}/${id}/stats?range=7d`, { token: tom })
      assert.deepStrictEqual([stats.status, stats.json.range], [200, "7d"])
      assert.hasAllKeys(stats.json, ["range", "total", "hours"])
      assert.strictEqual((yield* ask("GET", `${webhooks}/${id}/stats?range=1y`, { token: tom })).status, 400)
    })
  )
})
