/** What becomes of contacts after SendGrid has accepted them, and removal. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { EmulatedAnswer, EmulatedRequest } from "nexus-integrations/plugin/testing"
import { bodyOf, calls, jobsOf, makeImporting, tags } from "./Stand.ts"

const search = "POST /v3/marketing/contacts/search/emails"
const isSearch = ({ path }: { readonly path: string }) => path.endsWith("/search/emails")
const isImport = ({ path }: { readonly path: string }) => path.includes("/imports/")
const counted = (some: ReadonlyArray<string>) =>
  Object.fromEntries([...new Set(some)].map((one) => [one, some.filter((other) => other === one).length]))
const job = (parts: object): EmulatedAnswer => ({
  status: 200,
  body: { id: "1", job_type: "upsert_contacts", ...parts }
})

describe("a job of SendGrid", () => {
  it.live("stays accepted while it is pending, and tells created from updated by the time of its start", () =>
    Effect.gen(function* () {
      const { contacts, poll, emulator, example, server } = yield* makeImporting(1)
      emulator.contacts?.add({ email: "ada.1@example.com", fields: { first_name: "Old", city: "London" } })
      const batch = [1, 2].map((n) => example(n))
      const accepted = yield* contacts.upsert(batch)
      const [id = ""] = jobsOf(accepted)
      assert.deepStrictEqual(yield* poll(id, batch), accepted)
      assert.notInclude(calls(server.requests), search)

      const done = yield* poll(id, batch)
      assert.deepStrictEqual(tags(done), ["Updated", "Created"])
      const there = emulator.contacts?.all() ?? []
      assert.deepStrictEqual(
        done.map((outcome) => "externalId" in outcome && outcome.externalId),
        there.map(({ id }) => id)
      )
      assert.strictEqual(there[0]?.fields.first_name, "Ada 1")
      assert.strictEqual(there[0]?.fields.city, "London")
      assert.strictEqual(there[1]?.fields.job_title, "Analyst")
      assert.deepStrictEqual(bodyOf(server.requests.at(-1)), { emails: ["ada.1@example.com", "ada.2@example.com"] })
    })
  )

  it.live("brings 250 contacts and more by batches, a hundred a search, and makes no duplicates the second time", () =>
    Effect.gen(function* () {
      const { bring, emulator, server, example } = yield* makeImporting()
      const people = Array.from({ length: 250 }, (_, n) => example(n))
      const first = [...(yield* bring(people.slice(0, 240))), ...(yield* bring(people.slice(240)))]
      assert.deepStrictEqual(counted(tags(first)), { Created: 250 })
      assert.lengthOf(server.requests.filter(isSearch), 4)
      const again = yield* bring(people)
      assert.lengthOf(again, 250)
      assert.lengthOf(emulator.contacts?.all() ?? [], 250)
    })
  )

  it.live("makes no duplicates after an answer that was lost", () =>
    Effect.gen(function* () {
      const { bring, contacts, emulator, server, example } = yield* makeImporting()
      const batch = [1, 2, 3].map((n) => example(n))
      server.inject({ when: ({ method }) => method === "PUT", kind: "cutAnswer" })
      assert.strictEqual((yield* Effect.flip(contacts.upsert(batch))).reason._tag, "Unavailable")
      emulator.contacts?.finishJobs?.()
      assert.lengthOf(yield* bring(batch), 3)
      assert.lengthOf(emulator.contacts?.all() ?? [], 3)
    })
  )

  it.live("is over when all its contacts are counted, even if it says pending", () =>
    Effect.gen(function* () {
      const { contacts, poll, emulator, server, example } = yield* makeImporting()
      const batch = [example(1)]
      const [id = ""] = jobsOf(yield* contacts.upsert(batch))
      emulator.contacts?.finishJobs?.()
      const results = { requested_count: 1, created_count: 1, updated_count: 0, errored_count: 0 }
      server.inject({ when: isImport, kind: job({ status: "pending", results, started_at: "2020-01-01T00:00:00Z" }) })
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Created"])
      const unmodified = {
        requested_count: 1,
        created_count: 0,
        updated_count: 0,
        errored_count: 0,
        unmodified_count: 1
      }
      server.inject({ when: isImport, kind: job({ status: "pending", results: unmodified }) })
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Updated"])
      server.inject({ when: isImport, kind: job({ status: "a status of next year" }) })
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Accepted"])
    })
  )

  it.live("leaves what the search does not show unconfirmed, and confirms it later", () =>
    Effect.gen(function* () {
      const { contacts, poll, server, example } = yield* makeImporting()
      const batch = [example(1)]
      const [id = ""] = jobsOf(yield* contacts.upsert(batch))
      server.inject({
        when: isSearch,
        kind: { status: 404, body: { errors: [{ message: "not found", field: null }] } }
      })
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Unconfirmed"])
      server.inject({
        when: isSearch,
        kind: { status: 200, body: { result: { "ada.1@example.com": { contact: { id: "1", list_ids: [] } } } } }
      })
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Unconfirmed"])
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Created"])
    })
  )

  it.live("with errors: says of nobody that it is there with values that it does not have", () =>
    Effect.gen(function* () {
      const { contacts, poll, emulator, server, example } = yield* makeImporting()
      const old = "2020-01-01T00:00:00Z"
      const batch = [1, 2, 3].map((n) => example(n, n === 3 ? { email: "ada.3@example.invalid" } : {}))
      const [id = ""] = jobsOf(yield* contacts.upsert(batch))
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Created", "Created", "Unconfirmed"])

      // Both were there before and have not changed since; one has our values all the same.
      const list_ids = [emulator.credentials.listId]
      const stale = { id: "1", list_ids, first_name: "Old", created_at: old, updated_at: old }
      const same = {
        id: "2",
        list_ids,
        first_name: "Ada 2",
        last_name: "Lovelace 2",
        custom_fields: { Phone: "+44 20 7946 0002", company: "Engines 2", job_title: "Analyst" },
        created_at: old,
        updated_at: old
      }
      const result = { "ada.1@example.com": { contact: stale }, "Ada.2@Example.com": { contact: same } }
      server.inject({ when: isSearch, kind: { status: 200, body: { result } } })
      assert.deepStrictEqual(tags(yield* poll(id, batch)), ["Unconfirmed", "Updated", "Unconfirmed"])
    })
  )

  it.live("that failed rejects all for now, one whose rows all failed for good, and a full plan is a quota", () =>
    Effect.gen(function* () {
      const { contacts, poll, emulator, server, example } = yield* makeImporting()
      const batch = [example(1, { email: "ada.1@example.invalid" })]
      const [id = ""] = jobsOf(yield* contacts.upsert(batch))
      const [failed] = yield* poll(id, batch)
      assert.isTrue(failed?._tag === "Rejected" && failed.retryable)

      const results = { requested_count: 1, created_count: 0, updated_count: 0, errored_count: 1 }
      server.inject({ when: isImport, kind: job({ status: "errored", results }) })
      const [errored] = yield* poll(id, batch)
      assert.isTrue(errored?._tag === "Rejected" && !errored.retryable)

      emulator.marketing.room = 0
      const full = [example(2)]
      const [other = ""] = jobsOf(yield* contacts.upsert(full))
      const error = yield* Effect.flip(poll(other, full))
      assert.strictEqual(error.reason._tag, "QuotaExhausted")
      assert.include(error.detail, "contact limit")
    })
  )

  it.live("that SendGrid no longer knows leaves it to the search", () =>
    Effect.gen(function* () {
      const { poll, bring, example } = yield* makeImporting()
      const batch = [example(1), example(2)]
      yield* bring([example(1)])
      assert.deepStrictEqual(tags(yield* poll("gone", batch)), ["Updated", "Unconfirmed"])
    })
  )

  it.live("is asked again after a throttled answer, once its window is over", () =>
    Effect.gen(function* () {
      const { bring, emulator, server, example } = yield* makeImporting()
      server.inject({ when: isImport, times: 2, kind: emulator.failures.throttled })
      assert.deepStrictEqual(tags(yield* bring([example(1)])), ["Created"])
      assert.lengthOf(server.requests.filter(isImport), 3)
    })
  )

  it.live("is unavailable, and not over, while a search times out", () =>
    Effect.gen(function* () {
      const { contacts, poll, server, example } = yield* makeImporting()
      const batch = [example(1)]
      const [id = ""] = jobsOf(yield* contacts.upsert(batch))
      server.inject({ when: isSearch, kind: { status: 408, body: { errors: [{ message: "timeout", field: null }] } } })
      assert.strictEqual((yield* Effect.flip(poll(id, batch))).reason._tag, "Unavailable")
    })
  )
})

describe("removing from SendGrid", () => {
  it.live("takes contacts off the list alone, by ids that it looks up where it has none", () =>
    Effect.gen(function* () {
      const { bring, contacts, emulator, server, example } = yield* makeImporting()
      const [first] = yield* bring([1, 2, 3].map((n) => example(n)))
      assert.isDefined(contacts.remove)
      const externalId = first !== undefined && "externalId" in first ? first.externalId : null
      const before = server.requests.length
      const outcomes = yield* contacts.remove([
        { id: "1", email: "ada.1@example.com", externalId },
        { id: "2", email: "ada.2@example.com", externalId: null },
        { id: "9", email: "ada.9@example.com", externalId: null }
      ])
      assert.deepStrictEqual(tags(outcomes), ["Updated", "Updated", "Unchanged"])
      const [asked, removed, ...more] = server.requests.slice(before)
      assert.lengthOf(more, 0)
      assert.deepStrictEqual(bodyOf(asked), { emails: ["ada.2@example.com", "ada.9@example.com"] })
      assert.strictEqual(removed?.path, `/v3/marketing/lists/${emulator.credentials.listId}/contacts`)
      assert.lengthOf((removed?.query.get("contact_ids") ?? "").split(","), 2)
      assert.deepStrictEqual(
        emulator.contacts?.all().map(({ email }) => email),
        ["ada.3@example.com"]
      )
      assert.strictEqual(emulator.marketing.contacts.size, 3)
    })
  )

  it.live("counts ids that SendGrid no longer has as removed, and removes the others", () =>
    Effect.gen(function* () {
      const { bring, contacts, emulator, server, example } = yield* makeImporting()
      const outcomes = yield* bring([1, 2, 3].map((n) => example(n)))
      const known = outcomes.map((outcome) => ("externalId" in outcome ? outcome.externalId : ""))
      const isGone = ({ method, query }: EmulatedRequest) =>
        method === "DELETE" && (query.get("contact_ids") ?? "").includes(known[1] ?? "none")
      server.inject({ when: isGone, times: 9, kind: { status: 404, body: { errors: [{ message: "not found" }] } } })
      assert.isDefined(contacts.remove)
      const removed = known.map((externalId, n) => ({ id: `${n}`, email: `ada.${n + 1}@example.com`, externalId }))
      assert.deepStrictEqual(tags(yield* contacts.remove(removed)), ["Updated", "Unchanged", "Updated"])
      assert.deepStrictEqual(
        emulator.contacts?.all().map(({ id }) => id),
        [known[1]]
      )
    })
  )

  it.live("asks for addresses that SendGrid takes for none without losing the others", () =>
    Effect.gen(function* () {
      const { bring, contacts, example } = yield* makeImporting()
      yield* bring([example(1)])
      assert.isDefined(contacts.remove)
      const outcomes = yield* contacts.remove([
        { id: "0", email: "nowhere", externalId: null },
        { id: "1", email: "ada.1@example.com", externalId: null }
      ])
      assert.deepStrictEqual(tags(outcomes), ["Unchanged", "Updated"])
    })
  )
})
