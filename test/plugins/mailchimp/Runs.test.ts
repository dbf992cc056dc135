/** Whole sync runs: many batches, runs that are repeated, answers that are lost, tags, and removal. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { list, tags, upserting } from "./Stand.ts"

const counted = (some: ReadonlyArray<string>) =>
  Object.fromEntries([...new Set(some)].map((one) => [one, some.filter((other) => other === one).length]))

describe("runs of a sync to Mailchimp", () => {
  it.live("brings 1,250 contacts in three batches, and finds them unchanged by pages in the next run", () =>
    Effect.gen(function* () {
      const { session, contacts, server, emulator, example } = yield* upserting
      const people = Array.from({ length: 1250 }, (_, n) => example(n))
      const batches = [people.slice(0, 500), people.slice(500, 1000), people.slice(1000)]
      const first = yield* Effect.forEach(batches, (batch) => contacts.upsert(batch))
      assert.deepStrictEqual(counted(tags(first.flat())), { Created: 1250 })
      assert.lengthOf(emulator.contacts?.all() ?? [], 1250)
      // The audience, its fields, two fields made, members and archived ones, and three batches.
      assert.lengthOf(server.requests, 1 + 1 + 2 + 2 + 3)

      const before = server.requests.length
      const again = (yield* session()).contacts
      assert.isDefined(again)
      const second = yield* Effect.forEach(batches, (batch) => again.upsert(batch))
      assert.deepStrictEqual(counted(tags(second.flat())), { Unchanged: 1250 })
      assert.deepStrictEqual(
        server.requests.slice(before).map(({ path, query }) => [path, query.get("offset"), query.get("status")]),
        [
          [list, null, null],
          [`${list}/merge-fields`, null, null],
          [`${list}/members`, "0", null],
          [`${list}/members`, "1000", null],
          [`${list}/members`, "0", "archived"]
        ]
      )
      for (const { method, query, path } of server.requests.slice(before)) {
        assert.strictEqual(method, "GET")
        if (path.endsWith("/members")) assert.strictEqual(query.get("count"), "1000")
      }
    })
  )

  it.live("reads a few contacts alone rather than a large audience", () =>
    Effect.gen(function* () {
      const { contacts, server, emulator, example } = yield* upserting
      for (let n = 0; n < 3000; n++) emulator.contacts?.add({ email: `other.${n}@example.com`, fields: {} })
      yield* contacts.upsert([1, 2, 3].map((n) => example(n)))
      const reads = server.requests.filter(({ path }) => path.startsWith(`${list}/members`))
      assert.lengthOf(reads, 3)
      for (const { path } of reads) assert.match(path, /members\/[0-9a-f]{32}$/)
    })
  )

  it.live("makes no duplicates and no second change after a lost answer, in the same run and in another", () =>
    Effect.gen(function* () {
      const { session, contacts, server, emulator, example } = yield* upserting
      const batch = Array.from({ length: 20 }, (_, n) => example(n))
      server.inject({ when: ({ method, path }) => method === "POST" && path === list, kind: "cutAnswer" })
      const lost = yield* Effect.flip(contacts.upsert(batch))
      assert.strictEqual(lost.reason._tag, "Unavailable")
      assert.deepStrictEqual(counted(tags(yield* contacts.upsert(batch))), { Unchanged: 20 })
      const next = (yield* session()).contacts
      assert.isDefined(next)
      assert.deepStrictEqual(counted(tags(yield* next.upsert(batch))), { Unchanged: 20 })
      assert.lengthOf(emulator.contacts?.all() ?? [], 20)
      assert.isFalse(server.requests.some(({ method }) => method === "PUT"))
    })
  )

  it.live("takes a text that Mailchimp has cut at 255 bytes for the same", () =>
    Effect.gen(function* () {
      const { contacts, session, example } = yield* upserting
      const batch = [example(1, { company: "ä".repeat(200) })]
      assert.deepStrictEqual(tags(yield* contacts.upsert(batch)), ["Created"])
      const next = (yield* session()).contacts
      assert.isDefined(next)
      assert.deepStrictEqual(tags(yield* next.upsert(batch)), ["Unchanged"])
    })
  )

  it.live("goes by the tags of merge fields, makes those of ours that are gone, and refuses others", () =>
    Effect.gen(function* () {
      const { contacts, emulator, example } = yield* upserting
      emulator.audience.fields.splice(0, emulator.audience.fields.length)
      assert.deepStrictEqual(tags(yield* contacts.upsert([example(1)])), ["Created"])
      assert.deepStrictEqual(emulator.audience.fields.map(({ tag }) => tag).sort(), [
        "COMPANY",
        "FNAME",
        "JOBTITLE",
        "LNAME",
        "PHONE"
      ])
      const error = yield* Effect.flip(contacts.upsert([{ ...example(2), fields: { SHOESIZE: "42" } }]))
      assert.strictEqual(error.reason._tag, "Misconfigured")
      assert.include(error.detail, "SHOESIZE")
    })
  )

  it.live("carries on when another run makes the same merge field, and stops where there is no room for it", () =>
    Effect.gen(function* () {
      const { contacts, emulator, server, example } = yield* upserting
      const full = { title: "Bad Request", status: 400, detail: "You have reached the maximum number of fields." }
      const isCreation = ({ method, path }: { method: string; path: string }) =>
        method === "POST" && path.endsWith("/merge-fields")
      server.inject({ when: isCreation, kind: { status: 400, body: full } })
      const error = yield* Effect.flip(contacts.upsert([example(1)]))
      assert.strictEqual(error.reason._tag, "Misconfigured")
      assert.include(error.detail, "maximum number of fields")

      server.inject({
        when: (request) => {
          if (isCreation(request)) emulator.audience.addField("COMPANY", "Company", "text")
          return false
        },
        kind: "cut"
      })
      assert.deepStrictEqual(tags(yield* contacts.upsert([example(1)])), ["Created"])
    })
  )

  it.live("adds the tags that are missing, in one call, and takes none away", () =>
    Effect.gen(function* () {
      const { contacts, session, emulator, server, example } = yield* upserting
      const tagged = { ...example(1), tags: ["fair", "press"] }
      assert.deepStrictEqual(tags(yield* contacts.upsert([tagged, example(2)])), ["Created", "Created"])
      const [call, ...more] = server.requests.filter(({ path }) => path.endsWith("/tags"))
      assert.lengthOf(more, 0)
      assert.deepStrictEqual(JSON.parse(call?.body ?? ""), {
        tags: [
          { name: "fair", status: "active" },
          { name: "press", status: "active" }
        ],
        is_syncing: true
      })
      const next = (yield* session()).contacts
      assert.isDefined(next)
      assert.deepStrictEqual(tags(yield* next.upsert([tagged])), ["Unchanged"])
      assert.deepStrictEqual(tags(yield* next.upsert([{ ...tagged, tags: ["vip"] }])), ["Updated"])
      assert.deepStrictEqual(emulator.contacts?.all()[0]?.tags, ["fair", "press", "vip"])

      const untagged = (yield* session(emulator.credentials, { tags: false })).contacts
      assert.isDefined(untagged)
      assert.deepStrictEqual(tags(yield* untagged.upsert([{ ...tagged, tags: ["none"] }])), ["Unchanged"])
    })
  )

  it.live("brings a contact although its tags are refused, and says so", () =>
    Effect.gen(function* () {
      const { contacts, emulator, server, example } = yield* upserting
      const isTagging = ({ path }: { readonly path: string }) => path.endsWith("/tags")
      server.inject({
        when: isTagging,
        kind: { status: 400, body: { title: "Bad Request", detail: "Tag is too long." } }
      })
      const [refused] = yield* contacts.upsert([{ ...example(1), tags: ["x".repeat(200)] }])
      assert.deepStrictEqual(refused?._tag === "Rejected" && [refused.field, refused.retryable], ["tags", false])
      assert.lengthOf(emulator.contacts?.all() ?? [], 1)
      server.inject({ when: isTagging, kind: { status: 404, body: { title: "Resource Not Found" } } })
      const [gone] = yield* contacts.upsert([{ ...example(2), tags: ["fair"] }])
      assert.isTrue(gone?._tag === "Rejected" && gone.retryable)
    })
  )

  it.live("archives on removal: who is gone or archived already is fine, who bounced is told", () =>
    Effect.gen(function* () {
      const { contacts, emulator, server, example } = yield* upserting
      const [first] = yield* contacts.upsert([example(1)])
      emulator.contacts?.add({ email: "ada.2@example.com", fields: { status: "cleaned" } })
      emulator.contacts?.add({ email: "ada.3@example.com", fields: { status: "archived" } })
      assert.isDefined(contacts.remove)
      const externalId = first !== undefined && "externalId" in first ? first.externalId : ""
      const before = server.requests.length
      const outcomes = yield* contacts.remove([
        { id: "1", email: "ada.1@example.com", externalId },
        { id: "2", email: "ada.2@example.com", externalId: null },
        { id: "3", email: "ada.3@example.com", externalId: null },
        { id: "4", email: "ada.4@example.com", externalId: null }
      ])
      assert.deepStrictEqual(tags(outcomes), ["Updated", "Rejected", "Unchanged", "Unchanged"])
      assert.strictEqual(server.requests[before]?.method, "DELETE")
      assert.strictEqual(server.requests[before]?.path, `${list}/members/${externalId}`)
      assert.strictEqual(emulator.audience.find("ada.1@example.com")?.status, "archived")
    })
  )

  it.live("does not take a missing audience for removed contacts", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* upserting
      const { contacts } = yield* session({ ...emulator.credentials, audienceId: "ffffffffff" })
      assert.isDefined(contacts?.remove)
      const error = yield* Effect.flip(contacts.remove([{ id: "1", email: "ada.1@example.com", externalId: null }]))
      assert.strictEqual(error.reason._tag, "Misconfigured")
    })
  )
})
