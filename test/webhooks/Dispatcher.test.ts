import type { ServerResponse } from "node:http"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import * as fc from "fast-check"
import { Webhook } from "standardwebhooks"
import { DispatcherLayer } from "../../src/webhooks/Dispatcher.ts"
import { Recipients } from "../../src/webhooks/Recipients.ts"
import { DispatchingLayer, emit, type Subscribed, subscribe } from "../support/Dispatching.ts"
import { type Received, startReceiver, status } from "../support/Receiver.ts"
import { verifyWebhookSignature } from "./fixtures/VerifySnippet.ts"

const TestLayer = DispatcherLayer.pipe(Layer.provideMerge(DispatchingLayer))

/** Asks the database until a row says so; the poll behind the wait is the test's, not the service's. */
const untilRow = <A>(query: Effect.Effect<ReadonlyArray<A>, unknown>, met: (row: A) => boolean) =>
  query.pipe(
    Effect.orDie,
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (rows) => rows.some(met) }),
    Effect.map((rows) => rows.filter(met)[0])
  )

type Of = Recipients["Service"]["of"]

/** The recipients, but for what `change` makes of each call. */
const recipientsWith = (change: (ready: ReturnType<Of>, claims: Parameters<Of>[0], calls: number) => ReturnType<Of>) =>
  Layer.effect(
    Recipients,
    Effect.map(Recipients, (real) => {
      let calls = 0
      return Recipients.of({ of: (claims) => Effect.suspend(() => change(real.of(claims), claims, ++calls)) })
    })
  )

const header = (request: Received, name: string) => String(request.headers[name] ?? "")

const verifiedByBoth = (request: Received, secret: Redacted.Redacted<string>) => {
  const text = Redacted.value(secret)
  assert.isTrue(verifyWebhookSignature(request.body, header(request, "x-webhook-signature"), text))
  assert.isDefined(new Webhook(text).verify(request.body, request.headers as Record<string, string>))
}

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Dispatcher", (it) => {
  it.effect("delivers a committed row with the documented body and headers", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver()
      const webhook = yield* subscribe("wire", `${receiver.url}/hook`, ["CONTACT_CREATED"])
      const eventId = yield* emit("wire", "CONTACT_CREATED", '{"z":1.0,"contactId":"contact-123","a":1e2,"a":[ ]}')
      yield* receiver.until((requests) => requests.length === 1)

      const [request] = receiver.requests
      if (request === undefined) return assert.fail("no request")
      assert.match(
        request.body,
        /^\{"event":"CONTACT_CREATED","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","data":\{"z":1\.0,"contactId":"contact-123","a":1e2,"a":\[ \]\}\}$/
      )
      assert.strictEqual(header(request, "content-type"), "application/json")
      assert.strictEqual(header(request, "x-webhook-id"), webhook.id)
      assert.strictEqual(header(request, "x-webhook-event"), "CONTACT_CREATED")
      assert.strictEqual(header(request, "webhook-id"), eventId)
      assert.match(header(request, "webhook-timestamp"), /^\d{10}$/)
      assert.match(header(request, "x-webhook-delivery"), /^[0-9a-f-]{36}$/)
      assert.match(header(request, "user-agent"), /^Nexus-Webhooks\/\d/)
      verifiedByBoth(request, webhook.secret)
    })
  )

  it.effect(
    "signs 1,000 random Unicode payloads so that the documented snippet and Standard Webhooks accept them",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const receiver = yield* startReceiver()
        const webhook = yield* subscribe("unicode", receiver.url)
        const texts = fc.sample(fc.record({ text: fc.string({ unit: "binary", maxLength: 200 }) }), {
          numRuns: 1000,
          seed: 7
        })
        const payloads = texts.map((payload) => JSON.stringify(payload))
        yield* sql`
        INSERT INTO nexus.outbox (user_id, event_type, payload)
        SELECT 'unicode', 'CARD_VIEW', payload::json FROM unnest(${payloads}::text[]) AS payload`
        yield* receiver.until((requests) => requests.length >= 1000)

        for (const request of receiver.requests) {
          verifiedByBoth(request, webhook.secret)
          const flipped = { ...request, body: request.body.replace("data", "dbta") }
          assert.isFalse(
            verifyWebhookSignature(flipped.body, header(request, "x-webhook-signature"), Redacted.value(webhook.secret))
          )
          assert.throws(() =>
            new Webhook(Redacted.value(webhook.secret)).verify(flipped.body, request.headers as Record<string, string>)
          )
        }
        const sent = receiver.requests.map(({ body }) => body.replace(/^.*?"data":/, "").slice(0, -1))
        assert.deepStrictEqual(sent.sort(), payloads.sort())
      })
  )

  it.effect("sends only what a webhook asks for, and system events only to those that name them", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver()
      yield* subscribe("choosy", `${receiver.url}/cards`, ["CARD_VIEW"])
      yield* subscribe("choosy", `${receiver.url}/all`, ["*"])
      yield* subscribe("stranger", `${receiver.url}/stranger`, ["*"])
      yield* emit("choosy", "LINK_CLICK", "{}")
      yield* emit("choosy", "CARD_VIEW", "{}")
      yield* receiver.until((requests) => requests.length === 3)
      assert.deepStrictEqual(
        receiver.requests.map(({ path, headers }) => `${path} ${headers["x-webhook-event"]}`).sort(),
        ["/all CARD_VIEW", "/all LINK_CLICK", "/cards CARD_VIEW"]
      )
    })
  )

  it.effect("tries again 2, 4, 8 and 16 seconds after a failure, then stops", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const receiver = yield* startReceiver(status(500))
      const webhook = yield* subscribe("failing", receiver.url)
      yield* emit("failing", "CARD_VIEW", "{}")
      const waits: Array<number> = []
      for (const attempts of [1, 2, 3, 4]) {
        const delivery = yield* untilRow(
          sql<{ id: string; attemptCount: number; claimedBy: string | null; wait: number }>`
            SELECT delivery.id, attempt_count, claimed_by,
              extract(epoch FROM next_attempt_at - attempt.started_at)::float8 AS wait
            FROM nexus.delivery JOIN nexus.attempt ON delivery_id = delivery.id AND number = attempt_count
            WHERE webhook_id = ${webhook.id}::uuid`,
          (row) => row.attemptCount === attempts && row.claimedBy === null
        )
        waits.push(Math.floor(delivery?.wait ?? 0))
        // Time is the database's: what was due in some seconds is due now.
        yield* sql`UPDATE nexus.delivery SET next_attempt_at = now() WHERE id = ${delivery?.id}::uuid`
      }
      const finished = yield* untilRow(
        sql<{ state: string; attemptCount: number; error: string }>`
          SELECT state, attempt_count, error FROM nexus.delivery_history WHERE webhook_id = ${webhook.id}::uuid`,
        () => true
      )
      assert.deepStrictEqual(waits, [2, 4, 8, 16])
      assert.deepStrictEqual(finished, {
        state: "FAILED",
        attemptCount: 5,
        error: "The receiver answered 500 Internal Server Error"
      })
      const ids = new Set(receiver.requests.map((request) => header(request, "webhook-id")))
      assert.strictEqual(receiver.requests.length, 5)
      assert.strictEqual(ids.size, 1)
    })
  )

  it.effect("notices nothing of hostile receivers beside 99 healthy ones", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const healthy = yield* startReceiver()
      const drip = yield* startReceiver((_, response) => {
        response.writeHead(200)
        const timer = setInterval(() => response.write("."), 50)
        response.on("close", () => clearInterval(timer))
      })
      const flood = yield* startReceiver((_, response) => {
        response.writeHead(200, { "content-length": 1_000_000_000 })
        const block = Buffer.alloc(65_536, "x")
        const more = () => {
          while (!response.destroyed && response.write(block));
        }
        response.on("drain", more)
        more()
      })
      const redirect = yield* startReceiver(status(302, { location: "http://169.254.169.254/latest/meta-data" }))
      const silent = yield* startReceiver(() => undefined)
      const hostile = { drip, flood, redirect, silent }
      const webhooks: Record<string, Subscribed> = {}
      for (const [name, { url }] of Object.entries(hostile))
        webhooks[name] = yield* subscribe("crowd", url, ["CARD_VIEW"])
      for (let index = 0; index < 99; index++) yield* subscribe("crowd", `${healthy.url}/${index}`, ["CARD_VIEW"])
      for (let index = 0; index < 20; index++) yield* emit("crowd", "CARD_VIEW", "{}")

      yield* healthy.until((requests) => requests.length === 99 * 20)
      yield* silent.until((requests) => requests.length === 10)
      const outcome = (name: string) =>
        untilRow(
          sql<{ error: string | null; responseStatus: number | null; kept: number | null }>`
            SELECT attempt.error, attempt.response_status, octet_length(attempt.response_body) AS kept
            FROM nexus.attempt LEFT JOIN nexus.delivery ON delivery.id = delivery_id
              LEFT JOIN nexus.delivery_history AS history USING (delivery_id)
            WHERE coalesce(delivery.webhook_id, history.webhook_id) = ${webhooks[name]?.id}::uuid`,
          () => true
        )
      assert.deepInclude(yield* outcome("flood"), { responseStatus: 200, error: null, kept: 16_384 })
      assert.deepInclude(yield* outcome("redirect"), { responseStatus: 302 })
      assert.match((yield* outcome("redirect"))?.error ?? "", /redirects are not followed/)
      assert.deepInclude(yield* outcome("drip"), { responseStatus: 200, error: null })
      assert.match((yield* outcome("silent"))?.error ?? "", /took the request and did not answer/)
    })
  )

  it.effect(
    "disables a webhook after ten failed deliveries in a row, holds what is open, and sends it when enabled",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        let healed = false
        const receiver = yield* startReceiver((request, response) =>
          (healed ? status(200) : status(404))(request, response)
        )
        const witness = yield* startReceiver()
        const webhook = yield* subscribe("broken", receiver.url, ["CARD_VIEW"], { maxAttempts: 5 })
        yield* subscribe("broken", witness.url, ["WEBHOOK_DISABLED"])
        for (let index = 0; index < 12; index++) yield* emit("broken", "CARD_VIEW", `{"n":${index}}`)
        const row = yield* untilRow(
          sql<{ isActive: boolean; disabledReason: string }>`
          UPDATE nexus.delivery SET next_attempt_at = now() WHERE webhook_id = ${webhook.id}::uuid AND claimed_by IS NULL
            AND EXISTS (SELECT FROM nexus.webhook_subscription WHERE id = webhook_id AND is_active)`.pipe(
            Effect.andThen(sql<{ isActive: boolean; disabledReason: string }>`
            SELECT is_active, disabled_reason FROM nexus.webhook_subscription WHERE id = ${webhook.id}::uuid`)
          ),
          ({ isActive }) => !isActive
        )
        assert.match(
          row?.disabledReason ?? "",
          /^1[0-2] deliveries in a row failed; the last: The receiver answered 404/
        )
        yield* witness.until((requests) => requests.length === 1)
        assert.strictEqual(JSON.parse(witness.requests[0]?.body ?? "{}").data.webhookId, webhook.id)

        yield* emit("broken", "LINK_CLICK", "{}")
        const held = yield* sql<{ count: number }>`
        SELECT count(*)::int AS count FROM nexus.delivery WHERE webhook_id = ${webhook.id}::uuid`
        healed = true
        yield* sql`UPDATE nexus.webhook_subscription SET is_active = true, disabled_reason = NULL, consecutive_failures = 0
        WHERE id = ${webhook.id}::uuid`
        yield* sql`UPDATE nexus.delivery SET next_attempt_at = now() WHERE webhook_id = ${webhook.id}::uuid`
        const done = yield* untilRow(
          sql<{ delivered: number }>`
          SELECT count(*)::int AS delivered FROM nexus.delivery_history
          WHERE webhook_id = ${webhook.id}::uuid AND state = 'DELIVERED'`,
          ({ delivered }) => delivered === (held[0]?.count ?? 0)
        )
        assert.deepStrictEqual(done, { delivered: held[0]?.count ?? 0 })
      })
  )

  it.effect("disables a webhook whose receiver is gone (410) at once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const receiver = yield* startReceiver(status(410))
      const webhook = yield* subscribe("gone", receiver.url)
      yield* emit("gone", "CARD_VIEW", "{}")
      const row = yield* untilRow(
        sql<{ isActive: boolean; disabledReason: string }>`
          SELECT is_active, disabled_reason FROM nexus.webhook_subscription WHERE id = ${webhook.id}::uuid`,
        ({ isActive }) => !isActive
      )
      assert.strictEqual(row?.disabledReason, "The receiver answered 410 Gone.")
      assert.strictEqual(receiver.requests.length, 1)
    })
  )

  it.effect("delivers without a notification, by its poll", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const receiver = yield* startReceiver()
      yield* subscribe("quiet", receiver.url)
      yield* sql.withTransaction(Effect.andThen(sql`SET LOCAL nexus.notify = off`, emit("quiet", "CARD_VIEW", "{}")))
      yield* receiver.until((requests) => requests.length === 1)
    })
  )

  it.effect("goes on when every one of its connections is terminated", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const receiver = yield* startReceiver()
      yield* subscribe("cut", receiver.url)
      yield* emit("cut", "CARD_VIEW", '{"n":1}')
      yield* receiver.until((requests) => requests.length === 1)
      yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`
      yield* emit("cut", "CARD_VIEW", '{"n":2}').pipe(
        Effect.retry({ times: 20, schedule: Schedule.spaced("50 millis") })
      )
      yield* receiver.until((requests) => requests.length === 2)
    })
  )

  it.effect("sends what it claimed although the answer to the claim was lost with its connection", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const receiver = yield* startReceiver()
      const webhook = yield* subscribe("lost", receiver.url)
      const lease = yield* untilRow(
        sql<{ id: string }>`SELECT id FROM nexus.dispatcher WHERE ended_at IS NULL`,
        () => true
      )
      // What a connection leaves behind that breaks between the commit of a claim and its answer.
      yield* sql`
        WITH event AS (
          INSERT INTO nexus.event (id, user_id, type, body, created_at)
          VALUES (nexus.uuid7(), 'lost', 'CARD_VIEW', '{"event":"CARD_VIEW"}', now()) RETURNING id
        )
        INSERT INTO nexus.delivery
          (id, event_id, webhook_id, user_id, event_type, max_attempts, next_attempt_at, claimed_by, created_at)
        SELECT nexus.uuid7(), event.id, ${webhook.id}::uuid, 'lost', 'CARD_VIEW', 5, now(), ${lease?.id}::uuid, now()
        FROM event`
      // Its next fan-out is made to wait, and then loses its connection.
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE nexus.outbox IN ACCESS EXCLUSIVE MODE`
          yield* untilRow(
            sql`SELECT pg_stat_clear_snapshot()`.pipe(
              Effect.andThen(sql<{ ended: boolean }>`
                SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%locked AS MATERIALIZED%'`)
            ),
            ({ ended }) => ended
          )
        })
      )
      yield* receiver.until((requests) => requests.length === 1)
    })
  )
})

describe("Dispatcher", () => {
  it.live("goes on beside a webhook whose row is broken, and says so in its history", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const receiver = yield* startReceiver()
      const broken = yield* subscribe("broken", "not a url")
      yield* subscribe("sound", receiver.url)
      yield* emit("broken", "CARD_VIEW", "{}")
      const attempts = sql<{ error: string }>`
        SELECT error FROM nexus.attempt WHERE delivery_id IN (SELECT id FROM nexus.delivery WHERE webhook_id = ${broken.id}::uuid)`
      assert.match((yield* untilRow(attempts, () => true))?.error ?? "", /its URL or its headers are broken/)
      yield* emit("sound", "CARD_VIEW", "{}")
      yield* receiver.until((requests) => requests.length === 1)
    }).pipe(Effect.scoped, Effect.provide(TestLayer))
  )

  it.live("begins anew after a fault of its own", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver()
      yield* subscribe("unlucky", receiver.url)
      yield* emit("unlucky", "CARD_VIEW", "{}")
      yield* receiver.until((requests) => requests.length === 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        DispatcherLayer.pipe(
          Layer.provide(recipientsWith((ready, _, calls) => (calls === 1 ? Effect.die(new Error("A fault")) : ready))),
          Layer.provideMerge(DispatchingLayer)
        )
      )
    )
  )

  it.live("keeps the recipients of what waits, whatever the cache of recipients forgets", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const unanswered: Array<ServerResponse> = []
      let answers = false
      const slow = yield* startReceiver((_, response) => (answers ? response.end() : unanswered.push(response)))
      const other = yield* startReceiver()
      const webhook = yield* subscribe("waiting", slow.url, ["CARD_VIEW"], { max_in_flight: 1 })
      yield* subscribe("waiting", other.url, ["LINK_CLICK"])
      yield* emit("waiting", "CARD_VIEW", "{}")
      yield* emit("waiting", "CARD_VIEW", "{}")
      const claimed = sql<{ n: number }>`
        SELECT count(*)::int AS n FROM nexus.delivery WHERE webhook_id = ${webhook.id}::uuid AND claimed_by IS NOT NULL`
      yield* untilRow(claimed, ({ n }) => n === 2)
      yield* emit("waiting", "LINK_CLICK", "{}")
      yield* other.until((requests) => requests.length === 1)
      answers = true
      for (const response of unanswered) response.end()
      const ends = sql<{ n: number }>`
        SELECT count(*)::int AS n FROM nexus.attempt WHERE response_status = 200 OR error IS NOT NULL`
      yield* untilRow(ends, ({ n }) => n === 3)
      assert.deepStrictEqual(yield* sql`SELECT error FROM nexus.attempt WHERE error IS NOT NULL`, [])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        DispatcherLayer.pipe(
          Layer.provide(
            recipientsWith((ready, claims) =>
              Effect.map(ready, (known) => {
                const asked = new Set(claims.map(({ webhookId }) => webhookId))
                return new Map(Array.from(known).filter(([id]) => asked.has(id)))
              })
            )
          ),
          Layer.provideMerge(DispatchingLayer)
        )
      )
    )
  )
})
