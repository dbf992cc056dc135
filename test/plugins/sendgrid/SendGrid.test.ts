import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bodyOf, calls, jobsOf, makeImporting, puts, tags } from "./Stand.ts"

const importing = makeImporting()
const list = "/v3/marketing/lists/5a1f6b1e-0000-4000-8000-2f1b9d4c7e3a"
const definitions = "/v3/marketing/field_definitions"

describe("handing contacts to SendGrid", () => {
  it.live("sends custom fields by their ids, makes those that are missing, and accepts with the job", () =>
    Effect.gen(function* () {
      const { contacts, server, emulator, example } = yield* importing
      const outcomes = yield* contacts.upsert([example(1), example(2, { company: "", jobTitle: "" })])
      const [job, ...more] = jobsOf(outcomes)
      assert.lengthOf(more, 0)
      assert.deepStrictEqual(
        outcomes.map((outcome) => (outcome._tag === "Accepted" ? outcome.job : undefined)),
        [job, job]
      )
      assert.deepStrictEqual(calls(server.requests), [
        `GET ${list}`,
        `GET ${definitions}`,
        ...Array(3).fill(`POST ${definitions}`),
        "PUT /v3/marketing/contacts"
      ])
      assert.deepStrictEqual(bodyOf(server.requests[2]), { name: "phone", field_type: "Text" })
      const put = server.requests.at(-1)
      assert.strictEqual(put?.headers["content-type"], "application/json")
      assert.deepStrictEqual(bodyOf(put), {
        list_ids: [emulator.credentials.listId],
        contacts: [
          {
            email: "ada.1@example.com",
            first_name: "Ada 1",
            last_name: "Lovelace 1",
            custom_fields: { e1_T: "+44 20 7946 0001", e2_T: "Engines 1", e3_T: "Analyst" }
          },
          {
            email: "ada.2@example.com",
            first_name: "Ada 2",
            last_name: "Lovelace 2",
            custom_fields: { e1_T: "+44 20 7946 0002" }
          }
        ]
      })
    })
  )

  it.live("finds custom fields in any spelling, and refuses ones that nobody made", () =>
    Effect.gen(function* () {
      const { contacts, server, emulator, example } = yield* importing
      for (const name of ["Phone", "COMPANY", "Job_Title"]) emulator.marketing.addField(name, "Text")
      yield* contacts.upsert([example(1)])
      assert.notInclude(calls(server.requests), `POST ${definitions}`)
      const error = yield* Effect.flip(contacts.upsert([{ ...example(2), fields: { shoe_size: "42" } }]))
      assert.strictEqual(error.reason._tag, "Misconfigured")
      assert.include(error.detail, "shoe_size")
    })
  )

  it.live("carries on when another run makes the same field, and stops where there is no room for it", () =>
    Effect.gen(function* () {
      const { contacts, server, emulator, example } = yield* importing
      const isCreation = ({ method }: { readonly method: string }) => method === "POST"
      const limit = { errors: [{ message: "the limit of 500 custom fields is reached", field: null }] }
      server.inject({ when: isCreation, kind: { status: 400, body: limit } })
      const error = yield* Effect.flip(contacts.upsert([example(1)]))
      assert.strictEqual(error.reason._tag, "Misconfigured")
      server.inject({
        when: (request) => {
          if (isCreation(request)) emulator.marketing.addField("phone", "Text")
          return false
        },
        kind: "cut"
      })
      assert.deepStrictEqual(tags(yield* contacts.upsert([example(1)])), ["Accepted"])
    })
  )

  it.live("refuses what would block the whole call, before it is sent: addresses and lengths", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* importing
      const outcomes = yield* contacts.upsert([
        example(1),
        example(2, { email: "not-an-address@nowhere" }),
        example(3, { firstName: "x".repeat(51) }),
        example(4, { lastName: "y".repeat(50) }),
        example(5, { email: `${"a".repeat(65)}@example.com` }),
        example(6, { email: `a@${"b.".repeat(130)}com` })
      ])
      assert.deepStrictEqual(tags(outcomes), ["Accepted", "Rejected", "Rejected", "Accepted", "Rejected", "Rejected"])
      assert.deepStrictEqual(
        outcomes.map((outcome) => (outcome._tag === "Rejected" ? [outcome.field, outcome.retryable] : undefined)),
        [undefined, ["email", false], ["first_name", false], undefined, ["email", false], ["email", false]]
      )
      assert.lengthOf(puts(server.requests), 1)
    })
  )

  it.live("halves a call that SendGrid refuses whole, until the culprit stands alone", () =>
    Effect.gen(function* () {
      const { contacts, emulator, example } = yield* importing
      const batch = [1, 2, 3, 4, 5].map((n) => example(n, n === 3 ? { company: "z".repeat(1001) } : {}))
      const outcomes = yield* contacts.upsert(batch)
      assert.deepStrictEqual(tags(outcomes), ["Accepted", "Accepted", "Rejected", "Accepted", "Accepted"])
      const [, , bad] = outcomes
      assert.include(bad?._tag === "Rejected" ? bad.reason : "", "1000 characters")
      emulator.contacts?.finishJobs?.()
      assert.lengthOf(emulator.contacts?.all() ?? [], 4)
    })
  )

  it.live("does not halve for a list that went away, nor for a plan that is full", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* importing
      const batch = [1, 2, 3].map((n) => example(n))
      const isPut = ({ method }: { readonly method: string }) => method === "PUT"
      server.inject({
        when: isPut,
        times: 9,
        kind: { status: 400, body: { errors: [{ message: "invalid list id", field: "list_ids" }] } }
      })
      assert.strictEqual((yield* Effect.flip(contacts.upsert(batch))).reason._tag, "Misconfigured")
      assert.lengthOf(puts(server.requests), 1)
      server.heal()
      server.inject({
        when: isPut,
        times: 9,
        kind: { status: 400, body: { errors: [{ message: "you have hit your contact limit" }] } }
      })
      assert.strictEqual((yield* Effect.flip(contacts.upsert(batch))).reason._tag, "QuotaExhausted")
      assert.lengthOf(puts(server.requests), 2)
    })
  )

  it.live("gives up halving when it is not the contacts that are wrong", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* importing
      const refusal = { errors: [{ message: "something else is wrong", field: null }] }
      server.inject({ when: ({ method }) => method === "PUT", times: 5000, kind: { status: 400, body: refusal } })
      const outcomes = yield* contacts.upsert(Array.from({ length: 1000 }, (_, n) => example(n)))
      const refused = outcomes.filter((outcome) => outcome._tag === "Rejected" && !outcome.retryable)
      assert.lengthOf(refused, 100)
      assert.isTrue(outcomes.every(({ _tag }) => _tag === "Rejected"))
      assert.match(JSON.stringify(outcomes[0]), /something else is wrong/)
      assert.isBelow(puts(server.requests).length, 220)
    })
  )

  it.live("stays below six megabytes whatever the contacts hold, with a job for each part", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* importing
      const company = "€".repeat(1000)
      const batch = Array.from({ length: 4000 }, (_, n) => example(n, { company, jobTitle: "ü".repeat(900) }))
      const outcomes = yield* contacts.upsert(batch)
      assert.lengthOf(jobsOf(outcomes), 4)
      assert.isTrue(outcomes.every(({ _tag }) => _tag === "Accepted"))
      const sizes = puts(server.requests).map(({ body }) => new TextEncoder().encode(body).length)
      assert.lengthOf(sizes, 4)
      assert.isTrue(sizes.every((size) => size < 6_000_000))
    })
  )

  it.live("types values of custom fields: numbers, and dates as month, day and year", () =>
    Effect.gen(function* () {
      const { contacts, server, emulator, example } = yield* importing
      emulator.marketing.addField("seats", "Number")
      emulator.marketing.addField("since", "Date")
      const of = (n: number, seats: string, since: string) => ({ ...example(n), fields: { seats, since } })
      const outcomes = yield* contacts.upsert([
        of(1, "42", "2026-01-31"),
        of(2, "many", "2026-01-31"),
        of(3, "1", "soon")
      ])
      assert.deepStrictEqual(tags(outcomes), ["Accepted", "Rejected", "Rejected"])
      assert.deepNestedPropertyVal(bodyOf(puts(server.requests)[0]), "contacts[0].custom_fields", {
        e1_N: 42,
        e2_D: "01/31/2026"
      })
    })
  )

  it.live("leaves tags out, or keeps them in a text field", () =>
    Effect.gen(function* () {
      const { contacts, session, emulator, server, example } = yield* importing
      const tagged = { ...example(1), tags: ["fair", "press"] }
      yield* contacts.upsert([tagged])
      assert.notInclude(server.requests.at(-1)?.body, "press")
      const other = (yield* session(emulator.credentials, { tags: "field" })).contacts
      assert.isDefined(other)
      yield* other.upsert([tagged])
      emulator.contacts?.finishJobs?.()
      assert.strictEqual(emulator.contacts?.all()[0]?.fields.tags, "fair, press")
    })
  )
})
