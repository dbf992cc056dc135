import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { TestApi } from "../support/TestApi.ts"

const id = "0199f0a0-0000-7000-8000-000000000000"
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("\0", "\ud800", "*", "CARD_VIEW", "")
)
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    tie("list"),
    tie("object")
  ),
  list: fc.array(tie("value"), { maxLength: 4 }),
  object: fc.dictionary(text, tie("value"), { maxKeys: 4 })
})).value

/** Bodies that are right but for a field or two, which reach further than random ones. */
const near = (fields: Record<string, unknown>) =>
  fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, good]) => [name, fc.oneof(fc.constant(good), json)])),
    { requiredKeys: [] }
  )

const endpoints = (id: string): ReadonlyArray<readonly [string, string, Record<string, unknown>]> => [
  ["POST", "/integrations/events", { eventType: "CARD_VIEW", payload: { a: 1 } }],
  ["POST", "/integrations/event-types", { name: "CUSTOM", description: "d", schema: { type: "object" }, example: {} }],
  [
    "POST",
    "/integrations/webhooks",
    {
      url: "http://127.0.0.1:8099/x",
      events: ["*"],
      description: "d",
      headers: { "x-a": "b" },
      maxAttempts: 6,
      disableAfterSeconds: 1,
      isActive: true,
      secret: "whsec_abcdefghijklmnop"
    }
  ],
  [
    "PATCH",
    `/integrations/webhooks/${id}`,
    { url: "http://127.0.0.1:8099/y", events: ["*"], description: "d", maxAttempts: 7 }
  ],
  [
    "POST",
    "/contacts",
    {
      email: "a@example.com",
      firstName: "A",
      phone: "1",
      tags: ["a"],
      customFields: { a: 1 },
      cardId: "c",
      company: null
    }
  ],
  ["PATCH", `/contacts/${id}`, { email: "b@example.com", lastName: "B", tags: [], customFields: { a: null } }],
  ["POST", `/integrations/webhooks/${id}/test`, { eventType: "CARD_VIEW" }],
  ["POST", `/integrations/webhooks/${id}/rotate-secret`, { overlapSeconds: 1, secret: "whsec_abcdefghijklmnop" }],
  [
    "POST",
    `/integrations/webhooks/${id}/replay`,
    { kind: "failed", since: "2025-11-20T10:30:00Z", until: "2025-11-21T10:30:00Z", dryRun: true }
  ]
]

const limits = { NEXUS_REQUESTS_PER_MINUTE: "1000000", NEXUS_WEBHOOKS_PER_USER: "100000" }

layer(TestApi.layer(limits), { excludeTestServices: true })("Whatever is posted", (it) => {
  it.effect("is never answered with a 5xx", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const admin = yield* token("user-123", "admin")
      const statuses = new Set<number>()
      const { json: webhook } = yield* ask("POST", "/integrations/webhooks", {
        body: { url: "http://127.0.0.1:8099/x", events: ["*"] }
      })
      for (const [method, path, good] of endpoints(webhook.id)) {
        for (const body of fc.sample(fc.oneof(near(good), json), { numRuns: 120, seed: 20_251_120 })) {
          const { status, text } = yield* ask(method, path, { token: admin, body: JSON.stringify(body) })
          assert.isBelow(status, 500, `${path} ${JSON.stringify(body)} -> ${text}`)
          statuses.add(status)
        }
      }
      assert.includeMembers(Array.from(statuses), [200, 201, 202, 400], "some must be right, some wrong")
    })
  )

  it.effect("in ids, cursors and filters is never answered with a 5xx either", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const admin = yield* token("user-123", "admin")
      for (const value of fc.sample(text, { numRuns: 60, seed: 20_251_120 })) {
        const part = encodeURIComponent(value.toWellFormed())
        for (const path of [
          `/integrations/webhooks/${part}`,
          `/integrations/webhooks/${part}/deliveries/${part}`,
          `/integrations/webhooks/${id}/deliveries?status=${part}&eventType=${part}&since=${part}`,
          `/integrations/dead-letters?cursor=${part}&limit=${part}`,
          `/integrations/dead-letters/${part}`,
          `/audit-log?cursor=${Buffer.from(value).toString("base64url")}`
        ]) {
          const { status, text } = yield* ask("GET", path, { token: admin })
          assert.isBelow(status, 500, `${path} -> ${text}`)
        }
      }
    })
  )
})
