import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bodyOf, calls, list, tags, upserting } from "./Stand.ts"

describe("syncing to Mailchimp", () => {
  it.live("adds new contacts in one call, never with update_existing, and makes missing merge fields", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* upserting
      const outcomes = yield* contacts.upsert([1, 2].map((n) => example(n)))
      assert.deepStrictEqual(tags(outcomes), ["Created", "Created"])
      assert.deepStrictEqual(
        calls(server.requests).filter((call) => !call.startsWith("GET")),
        [`POST ${list}/merge-fields`, `POST ${list}/merge-fields`, `POST ${list}`]
      )
      const made = server.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/merge-fields"))
      assert.deepStrictEqual(made.map(bodyOf), [
        { tag: "COMPANY", name: "Company", type: "text" },
        { tag: "JOBTITLE", name: "Job Title", type: "text" }
      ])
      const added = server.requests.at(-1)
      assert.strictEqual(added?.query.toString(), "skip_merge_validation=true&skip_duplicate_check=true")
      assert.deepStrictEqual(bodyOf(added), {
        members: [1, 2].map((n) => ({
          email_address: `ada.${n}@example.com`,
          status: "subscribed",
          merge_fields: {
            FNAME: `Ada ${n}`,
            LNAME: `Lovelace ${n}`,
            PHONE: `+44 20 7946 000${n}`,
            COMPANY: `Engines ${n}`,
            JOBTITLE: "Analyst"
          }
        })),
        update_existing: false,
        sync_tags: false
      })
    })
  )

  it.live("never changes the status of someone who is there, whatever it is, and keeps values that we don't have", () =>
    Effect.gen(function* () {
      const { contacts, emulator, server, example } = yield* upserting
      const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]
      for (const [n, status] of statuses.entries()) {
        emulator.contacts?.add({ email: `ada.${n}@example.com`, fields: { FNAME: "Old", LNAME: "Kept", status } })
      }
      const outcomes = yield* contacts.upsert(statuses.map((_, n) => example(n, { lastName: "" })))
      assert.deepStrictEqual(tags(outcomes), Array(5).fill("Updated"))
      const after = emulator.contacts?.all().map(({ fields }) => [fields.status, fields.FNAME, fields.LNAME])
      assert.deepStrictEqual(
        after,
        statuses.map((status, n) => [status, `Ada ${n}`, "Kept"])
      )
      const puts = server.requests.filter(({ method }) => method === "PUT")
      assert.lengthOf(puts, 5)
      for (const put of puts) {
        assert.strictEqual(put.query.get("skip_merge_validation"), "true")
        assert.notProperty(bodyOf(put), "status")
        assert.propertyVal(bodyOf(put), "status_if_new", "subscribed")
      }
    })
  )

  it.live("does not undo an unsubscribe that happens between its reading and its writing", () =>
    Effect.gen(function* () {
      const { contacts, emulator, server, example } = yield* upserting
      emulator.contacts?.add({ email: "ada.1@example.com", fields: { FNAME: "Old" } })
      // Both come and go after they were read: one was there as a subscriber, one was not there at all.
      server.inject({
        when: ({ method, path }) => {
          if (method !== "POST" || path !== list) return false
          emulator.contacts?.add({ email: "ada.2@example.com", fields: { status: "unsubscribed" } })
          const member = emulator.audience.find("ada.1@example.com")
          if (member !== undefined) member.status = "unsubscribed"
          return false
        },
        kind: "cut"
      })
      const outcomes = yield* contacts.upsert([1, 2].map((n) => example(n)))
      assert.deepStrictEqual(tags(outcomes), ["Updated", "Updated"])
      assert.deepStrictEqual(
        emulator.contacts?.all().map(({ fields }) => [fields.status, fields.FNAME]),
        [
          ["unsubscribed", "Ada 1"],
          ["unsubscribed", "Ada 2"]
        ]
      )
    })
  )

  it.live("leaves archived contacts alone, one by one and in a large batch", () =>
    Effect.gen(function* () {
      const { contacts, emulator, example } = yield* upserting
      emulator.contacts?.add({ email: "ada.1@example.com", fields: { status: "archived" } })
      const [alone] = yield* contacts.upsert([example(1)])
      assert.strictEqual(alone?._tag, "Rejected")
      const [among, ...others] = yield* contacts.upsert([1, 2, 3, 4, 5].map((n) => example(n)))
      assert.strictEqual(among?._tag, "Rejected")
      assert.deepStrictEqual(tags(others), Array(4).fill("Created"))
      assert.strictEqual(emulator.audience.find("ada.1@example.com")?.status, "archived")
    })
  )

  it.live("gives new contacts the configured status, and asks them first where the audience is double opt-in", () =>
    Effect.gen(function* () {
      const { session, emulator, example } = yield* upserting
      const statusOf = Effect.fnUntraced(function* (n: number, settings: Readonly<Record<string, unknown>>) {
        const { contacts } = yield* session(emulator.credentials, settings)
        assert.isDefined(contacts)
        yield* contacts.upsert([example(n)])
        return emulator.audience.find(`ada.${n}@example.com`)?.status
      })
      assert.strictEqual(yield* statusOf(1, {}), "subscribed")
      assert.strictEqual(yield* statusOf(2, { newStatus: "pending" }), "pending")
      assert.strictEqual(yield* statusOf(3, { newStatus: "transactional" }), "transactional")
      emulator.audience.doubleOptIn = true
      assert.strictEqual(yield* statusOf(4, {}), "pending")
    })
  )

  it.live("rejects exactly the bad ones, for good: no address, forgotten, in a compliance state", () =>
    Effect.gen(function* () {
      const { contacts, emulator, server, example } = yield* upserting
      emulator.audience.forgotten.add("ada.2@example.com")
      emulator.contacts?.add({ email: "ada.3@example.com", fields: { FNAME: "Old", status: "unsubscribed" } })
      const compliance =
        "ada.3@example.com is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed."
      server.inject({
        when: ({ method }) => method === "PUT",
        kind: { status: 400, body: { title: "Member In Compliance State", status: 400, detail: compliance } }
      })
      const outcomes = yield* contacts.upsert([
        example(1, { email: "not-an-address@nowhere" }),
        example(2),
        example(3),
        example(4)
      ])
      assert.deepStrictEqual(tags(outcomes), ["Rejected", "Rejected", "Rejected", "Created"])
      const reasons = outcomes.map((outcome) =>
        outcome._tag === "Rejected" && !outcome.retryable ? outcome.reason : ""
      )
      assert.include(reasons[0], "looks fake or invalid")
      assert.include(reasons[1], "permanently deleted")
      assert.strictEqual(reasons[2], compliance)
    })
  )

  it.live("finds the one contact for which Mailchimp refuses a whole call", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* upserting
      server.inject({
        when: ({ method, path, body }) => method === "POST" && path === list && body.includes("ada.3@"),
        times: 100,
        kind: {
          status: 400,
          body: {
            title: "Invalid Resource",
            detail: "The resource submitted could not be validated.",
            errors: [{ field: "members.item:2.merge_fields", message: "Schema describes object, array found" }]
          }
        }
      })
      const outcomes = yield* contacts.upsert([1, 2, 3, 4, 5].map((n) => example(n)))
      assert.deepStrictEqual(tags(outcomes), ["Created", "Created", "Rejected", "Created", "Created"])
      const [, , bad] = outcomes
      assert.include(bad?._tag === "Rejected" ? bad.reason : "", "Schema describes object")
    })
  )

  it.live("reads addresses in errors with stray quotes", () =>
    Effect.gen(function* () {
      const { contacts, server, example } = yield* upserting
      const error = { email_address: '"ada.1@example.com"', error: "No.", error_code: "ERROR_GENERIC" }
      server.inject({
        when: ({ method, path }) => method === "POST" && path === list,
        kind: { status: 200, body: { new_members: [], updated_members: [], errors: [error], error_count: 1 } }
      })
      const [outcome, silent] = yield* contacts.upsert([example(1), example(2)])
      assert.deepStrictEqual(outcome?._tag === "Rejected" && [outcome.reason, outcome.retryable], ["No.", false])
      assert.deepStrictEqual(silent?._tag === "Rejected" && silent.retryable, true)
    })
  )
})
