/** Bulk imports, as their reference has them: queued whole or refused whole, and asked about by batchId. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Outcome } from "nexus-integrations/plugin"
import { json } from "nexus-integrations/plugin/testing"
import { bodyOf, calls, jobsOf, makeImporting, tags, untitled } from "./Stand.ts"

const bad = "no address@example.com"
const refused = Outcome.Rejected({
  reason: "ActiveCampaign refuses the contact: Field 'email' incorrect format",
  field: "email",
  retryable: false
})

describe("ActiveCampaign's imports", () => {
  it.live("take contacts by the names that imports have, and leave out what we don't have", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* makeImporting()
      const sparse = { ...example(2), fields: { email: "ada.2@example.com" } }
      yield* contacts.upsert([{ ...example(1), tags: ["a", "b"] }, sparse])
      assert.deepStrictEqual(calls(server.requests), ["GET /contacts", "POST /import/bulk_import"])
      assert.deepStrictEqual(bodyOf(server.requests[1]), {
        contacts: [
          {
            email: "ada.1@example.com",
            first_name: "Ada 1",
            last_name: "Lovelace 1",
            phone: "+44 20 7946 0001",
            customer_acct_name: "Engines 1",
            tags: ["a", "b"]
          },
          { email: "ada.2@example.com" }
        ]
      })
    })
  )

  it.live("match by our address, whatever the mapping puts into the field", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* makeImporting()
      yield* contacts.upsert([{ ...example(1), fields: { email: "other@example.com" } }])
      assert.deepStrictEqual(bodyOf(server.requests[1]), { contacts: [{ email: "ada.1@example.com" }] })
    })
  )

  it.live("are asked about until they are over, also when they have no status yet", () =>
    Effect.gen(function* () {
      const { contacts, poll, example, account } = yield* makeImporting({ looks: 2 })
      const batch = [example(1, untitled)]
      const [job = ""] = jobsOf(yield* contacts.upsert(batch))
      for (const _ of ["no status yet", "active"]) {
        assert.deepStrictEqual(yield* poll(job, batch), [Outcome.Accepted({ job })])
        assert.lengthOf(account.all(), 0)
      }
      assert.deepStrictEqual(tags(yield* poll(job, batch)), ["Created"])
    })
  )

  it.live("are read a hundred contacts at a time, and tell new contacts from known ones by their ids", () =>
    Effect.gen(function* () {
      const { bring, example, account, server } = yield* makeImporting()
      for (const n of [7, 150]) account.add({ email: `ada.${n}@example.com`, fields: {} })
      const batch = Array.from({ length: 250 }, (_, n) => example(n, untitled))
      const outcomes = yield* bring(batch)
      const known = outcomes.flatMap(({ _tag }, n) => (_tag === "Updated" ? [n] : []))
      assert.deepStrictEqual(known, [7, 150])
      assert.strictEqual(outcomes.filter(({ _tag }) => _tag === "Created").length, 248)
      const ids = new Map(account.all().map(({ id, email }) => [email, id]))
      for (const [n, outcome] of outcomes.entries()) {
        assert.strictEqual("externalId" in outcome ? outcome.externalId : "", ids.get(`ada.${n}@example.com`))
      }
      assert.deepStrictEqual(calls(server.requests), [
        "GET /contacts",
        "POST /import/bulk_import",
        "GET /import/info",
        "GET /contacts",
        "GET /contacts",
        "GET /contacts"
      ])
      assert.deepStrictEqual(
        server.requests.slice(3).map(({ query }) => [query.getAll("ids[]").length, query.get("limit")]),
        [
          [100, "100"],
          [100, "100"],
          [50, "100"]
        ]
      )
    })
  )

  for (const [first, imports] of [
    [1, 2],
    [0, 3]
  ] as const) {
    it.live(`that are refused name their bad contacts, counted from ${first}: ${imports} imports`, () =>
      Effect.gen(function* () {
        const { bring, example, server } = yield* makeImporting({ first })
        const batch = Array.from({ length: 20 }, (_, n) => ({
          ...example(n, untitled),
          ...([3, 4, 11].includes(n) ? { email: bad } : {})
        }))
        const outcomes = yield* bring(batch)
        for (const [n, outcome] of outcomes.entries()) {
          if ([3, 4, 11].includes(n)) assert.deepStrictEqual(outcome, refused)
          else assert.strictEqual(outcome._tag, "Created")
        }
        assert.strictEqual(calls(server.requests).filter((call) => call.startsWith("POST")).length, imports)
      })
    )

    it.live(`of bad contacts alone are refused once, counted from ${first}`, () =>
      Effect.gen(function* () {
        const { bring, example, server } = yield* makeImporting({ first })
        const batch = [1, 2].map((n) => ({ ...example(n, untitled), email: bad }))
        assert.deepStrictEqual(yield* bring(batch), [refused, refused])
        assert.deepStrictEqual(calls(server.requests), ["GET /contacts", "POST /import/bulk_import"])
      })
    )
  }

  it.live("that name nobody are sent by halves", () =>
    Effect.gen(function* () {
      const { bring, example, server } = yield* makeImporting()
      const has = (n: number) => (body: string) => body.includes(`ada.${n}@`)
      server.inject({
        kind: json(400, { success: 0, message: "It did not pass", failureReasons: ["A value is not valid"] }),
        when: ({ path, body }) => path.endsWith("bulk_import") && has(2)(body),
        times: 100
      })
      const outcomes = yield* bring([1, 2, 3].map((n) => example(n, untitled)))
      assert.deepStrictEqual(tags(outcomes), ["Created", "Rejected", "Created"])
      assert.deepStrictEqual(
        outcomes[1],
        Outcome.Rejected({ reason: "ActiveCampaign refuses the contact: A value is not valid", retryable: false })
      )
    })
  )

  it.live("are kept below 400 KB", () =>
    Effect.gen(function* () {
      const { bring, example, server, account } = yield* makeImporting()
      const batch = [1, 2, 3].map((n) => ({ ...example(n, untitled), tags: ["é".repeat(n === 3 ? 210_000 : 90_000)] }))
      const outcomes = yield* bring(batch)
      assert.deepStrictEqual(tags(outcomes), ["Created", "Created", "Rejected"])
      assert.lengthOf(account.all(), 2)
      for (const { body } of server.requests) assert.isBelow(new TextEncoder().encode(body).length, 400_000)
    })
  )

  it.live("list the addresses that failed, on an exclusion list among them", () =>
    Effect.gen(function* () {
      const { bring, example } = yield* makeImporting()
      const emails = [
        "ok@example.com",
        "invalid.email@invaliddomain",
        "invalid'character@example.com",
        "a@excluded.example"
      ]
      const outcomes = yield* bring(emails.map((email, n) => ({ ...example(n, untitled), email })))
      assert.deepStrictEqual(tags(outcomes), ["Created", "Rejected", "Rejected", "Rejected"])
      for (const outcome of outcomes.slice(1)) {
        assert.isTrue(outcome._tag === "Rejected" && !outcome.retryable && outcome.field === "email")
      }
    })
  )

  it.live("that are interrupted or forgotten leave their contacts to the next run", () =>
    Effect.gen(function* () {
      const { bring, poll, example } = yield* makeImporting({ end: "interrupted" })
      const batch = [1, 2].map((n) => example(n, untitled))
      const [first, second] = yield* bring(batch)
      assert.strictEqual(first?._tag, "Created")
      assert.isTrue(second?._tag === "Rejected" && second.retryable)
      const forgotten = yield* poll("0:00000000-0000-0000-0000-000000000000", batch)
      assert.isTrue(forgotten.every((outcome) => outcome._tag === "Rejected" && outcome.retryable))
    })
  )

  it.live("that don't tell of a contact leave it unconfirmed", () =>
    Effect.gen(function* () {
      const { contacts, poll, example } = yield* makeImporting()
      const [job = ""] = jobsOf(yield* contacts.upsert([example(1, untitled)]))
      assert.deepStrictEqual(tags(yield* poll(job, [example(1, untitled), example(2)])), ["Created", "Unconfirmed"])
    })
  )
})
