import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { verify } from "nexus-integrations/verify"
import { Webhook } from "standardwebhooks"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus, type runtimes, startNexus } from "../support/NexusProcess.ts"
import { makeProducer } from "../support/Producer.ts"
import { startReceiver } from "../support/Receiver.ts"
import { verifyWebhookSignature } from "../webhooks/fixtures/VerifySnippet.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** A request of a REST client, which has nothing but the address and a token. */
const ask = (url: string, token: string, body?: object) =>
  Effect.promise(async () => {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
    })
    // biome-ignore lint/suspicious/noExplicitAny: the test looks into it, and fails where it is something else
    const json: any = await response.json()
    return { status: response.status, json }
  })

/** From a webhook made over HTTP to a signed request of another application's event, and the end of the process. */
const mainJob = Effect.fnUntraced(function* (runtime: keyof typeof runtimes) {
  const sql = yield* PgClient.PgClient
  const environment = yield* production
  const application = yield* makeProducer()
  const receiver = yield* startReceiver()
  const service = yield* startNexus(["serve"], environment, runtime)
  const ready = yield* service.line(/is ready at http:\/\/localhost:\d+/)
  const api = `http://127.0.0.1:${/localhost:(\d+)/.exec(ready)?.[1]}`
  const { out } = yield* runNexus(["token", "--user", "user-123"], environment)
  const token = out.trim()

  const made = yield* ask(`${api}/integrations/webhooks`, token, {
    url: `${receiver.url}/hook`,
    events: ["CONTACT_CREATED"]
  })
  assert.strictEqual(made.status, 201)
  const { id, secret } = made.json

  const payload = '{"contactId": "contact-123", "email":"john@example.com", "score":1.0}'
  yield* application.sql`INSERT INTO nexus.outbox (user_id, event_type, payload)
    VALUES ('user-123', 'CONTACT_CREATED', ${payload}::text::json)`
  yield* receiver.until((requests) => requests.length > 0)
  const [request] = receiver.requests
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request?.headers ?? {})) headers[name] = String(value)
  const body = request?.body ?? ""

  assert.match(body, /^\{"event":"CONTACT_CREATED","timestamp":"[0-9T:.-]+Z","data":/)
  assert.strictEqual(body.slice(body.indexOf('"data":') + 7, -1), payload)
  assert.deepInclude(headers, {
    "content-type": "application/json",
    "x-webhook-id": id,
    "x-webhook-event": "CONTACT_CREATED"
  })
  assert.isTrue(verifyWebhookSignature(body, headers["x-webhook-signature"] ?? "", secret))
  assert.deepStrictEqual(new Webhook(secret).verify(body, headers), JSON.parse(body))
  assert.isTrue((yield* Effect.promise(() => verify({ body, headers, secret }))).ok)
  // The same checks refuse a body in which one character is another.
  const forged = body.replace("john", "jane")
  assert.isFalse(verifyWebhookSignature(forged, headers["x-webhook-signature"] ?? "", secret))
  assert.throws(() => new Webhook(secret).verify(forged, headers))

  const listed = yield* ask(`${api}/integrations/webhooks/${id}/deliveries?limit=50`, token).pipe(
    Effect.repeat({
      until: ({ json }) => json[0]?.deliveredAt !== undefined && json[0].deliveredAt !== null,
      schedule: Schedule.spaced("20 millis")
    })
  )
  assert.strictEqual(listed.json.length, 1)
  assert.deepInclude(listed.json[0], { eventType: "CONTACT_CREATED", responseStatus: 200, attemptCount: 1 })

  assert.strictEqual(yield* service.stop("SIGTERM"), 0)
  const leases = yield* sql`SELECT end_reason FROM nexus.dispatcher WHERE pid = ${service.pid}`
  assert.deepStrictEqual(leases, [{ endReason: "stopped" }])
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("The main job", (it) => {
  it.effect("is done under Node", () => mainJob("Node"))
  it.effect("is done under Deno", () => mainJob("Deno"))
})
