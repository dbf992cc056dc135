import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { salesforce } from "./SalesforceStand.ts"

describe("Salesforce's removal", () => {
  it.live("deletes by id, and takes what is gone for done", () =>
    Effect.gen(function* () {
      const { contacts, there, server, some } = yield* salesforce()
      const batch = some([1, 2], { company: "" })
      const made = yield* contacts.upsert(batch)
      const removed = [
        ...batch.map((contact, index) => {
          const outcome = made[index]
          return { ...contact, externalId: outcome?._tag === "Created" ? outcome.externalId : null }
        }),
        ...some([3]).map((contact) => ({ ...contact, externalId: "0035e0000009999AAA" })),
        ...some([4])
      ]
      const { remove } = contacts
      assert.isDefined(remove)
      assert.deepStrictEqual(
        (yield* remove(removed)).map(({ _tag }) => _tag),
        ["Updated", "Updated", "Unchanged", "Unchanged"]
      )
      const [request] = server.requests.slice(-1)
      assert.strictEqual(`${request?.method} ${request?.path}`, "DELETE /services/data/v66.0/composite/sobjects")
      assert.strictEqual(request?.query.get("ids"), removed.flatMap(({ externalId }) => externalId ?? []).join(","))
      assert.strictEqual(request?.query.get("allOrNone"), "false")
      assert.strictEqual(there.all().length, 0)
      assert.deepStrictEqual(
        (yield* remove(removed)).map(({ _tag }) => _tag),
        ["Unchanged", "Unchanged", "Unchanged", "Unchanged"]
      )
      const before = server.requests.length
      yield* remove(some([4]))
      assert.strictEqual(server.requests.length, before)
    })
  )

  it.live("says which record the org keeps", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* salesforce()
      const errors = [{ statusCode: "DELETE_FAILED", message: "associated with the following cases", fields: [] }]
      server.inject({ kind: { status: 200, body: [{ id: "0035e0000000004AAA", success: false, errors }] } })
      const removed = some([1]).map((contact) => ({ ...contact, externalId: "0035e0000000004AAA" }))
      assert.deepStrictEqual(yield* contacts.remove?.(removed) ?? Effect.succeed([]), [
        { _tag: "Rejected", reason: "associated with the following cases", retryable: false }
      ])
    })
  )
})
