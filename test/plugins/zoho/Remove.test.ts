import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tags, zoho } from "./ZohoStand.ts"

describe("Zoho CRM's removal", () => {
  it.live("moves contacts to the recycle bin, and takes what is gone for done", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some, lines } = yield* zoho()
      const batch = some([1, 2], { company: "" })
      const made = yield* contacts.upsert(batch)
      const ids = made.flatMap((outcome) => (outcome._tag === "Created" ? [outcome.externalId] : []))
      assert.strictEqual(ids.length, 2)
      const removed = [
        ...batch.map((contact, index) => ({ ...contact, externalId: ids[index] ?? null })),
        ...some([3]).map((contact) => ({ ...contact, externalId: "5725767000000999999" })),
        ...some([4])
      ]
      const { remove } = contacts
      assert.isDefined(remove)
      assert.deepStrictEqual(tags(yield* remove(removed)), ["Updated", "Updated", "Unchanged", "Unchanged"])
      assert.deepStrictEqual(lines(1), ["DELETE /crm/v8/Contacts"])
      assert.strictEqual(server.requests[1]?.query.get("ids"), [...ids, "5725767000000999999"].join(","))
      assert.strictEqual(server.requests[1]?.query.get("wf_trigger"), "false")
      assert.strictEqual(there.all().length, 0)
      // All of them fail now, and come with status 400.
      assert.deepStrictEqual(tags(yield* remove(removed)), ["Unchanged", "Unchanged", "Unchanged", "Unchanged"])
      yield* remove(some([4]))
      assert.strictEqual(server.requests.length, 3)
    })
  )

  it.live("says which contact Zoho keeps, and runs workflows only when told to", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* zoho({ trigger: ["workflow"] })
      const body = { data: [{ code: "RECORD_LOCKED", details: { id: "17" }, message: "locked", status: "error" }] }
      server.inject({ kind: { status: 400, body } })
      const removed = some([1]).map((contact) => ({ ...contact, externalId: "17" }))
      assert.deepStrictEqual(yield* contacts.remove?.(removed) ?? Effect.succeed([]), [
        { _tag: "Rejected", reason: "The record is locked in Zoho CRM", retryable: true }
      ])
      assert.strictEqual(server.requests[0]?.query.get("wf_trigger"), "true")
    })
  )
})
