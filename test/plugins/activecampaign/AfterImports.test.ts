/** What goes by calls of its own: job titles, after the import, and the removal of contacts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Outcome } from "nexus-integrations/plugin"
import { json } from "nexus-integrations/plugin/testing"
import { bodyOf, calls, makeImporting, tags, untitled } from "./Stand.ts"

describe("ActiveCampaign's job titles", () => {
  it.live("are written to the contact's place in the company, and only when they differ", () =>
    Effect.gen(function* () {
      const { bring, example, server, account } = yield* makeImporting()
      yield* bring([example(1)])
      const [contact] = account.all()
      assert.strictEqual(contact?.fields.jobTitle, "Analyst")
      assert.deepStrictEqual(calls(server.requests.slice(4)), ["GET /accountContacts", "PUT /accountContacts/3"])
      assert.strictEqual(server.requests[4]?.query.get("filters[contact]"), contact?.id)
      assert.deepStrictEqual(bodyOf(server.requests[5]), { accountContact: { jobTitle: "Analyst" } })
      yield* bring([example(1)])
      assert.deepStrictEqual(calls(server.requests.slice(10)), ["GET /accountContacts"])
    })
  )

  it.live("make the place where the import has not", () =>
    Effect.gen(function* () {
      const { bring, example, server, account } = yield* makeImporting({ linksCompanies: false })
      assert.deepStrictEqual(tags(yield* bring([example(1)])), ["Created"])
      assert.deepStrictEqual(calls(server.requests.slice(5)), ["GET /accounts", "POST /accountContacts"])
      assert.deepStrictEqual(bodyOf(server.requests.at(-1)), {
        accountContact: { contact: 1, account: 2, jobTitle: "Analyst" }
      })
      const [contact] = account.all()
      assert.deepStrictEqual([contact?.fields.customer_acct_name, contact?.fields.jobTitle], ["Engines 1", "Analyst"])
    })
  )

  it.live("have no place without a company", () =>
    Effect.gen(function* () {
      const { bring, example, server } = yield* makeImporting()
      assert.deepStrictEqual(tags(yield* bring([example(1, { company: "" })])), ["Created"])
      assert.deepStrictEqual(calls(server.requests.slice(4)), ["GET /accountContacts"])
    })
  )

  it.live("that are refused reject their contact alone", () =>
    Effect.gen(function* () {
      const { bring, example } = yield* makeImporting()
      const outcomes = yield* bring([example(1, { jobTitle: "A".repeat(300) }), example(2, untitled)])
      assert.deepStrictEqual(
        outcomes[0],
        Outcome.Rejected({
          reason: "ActiveCampaign refuses the job title: The job title is not valid",
          field: "jobTitle",
          retryable: false
        })
      )
      assert.strictEqual(outcomes[1]?._tag, "Created")
    })
  )

  it.live("are asked about again when their place went meanwhile", () =>
    Effect.gen(function* () {
      const { bring, example, server } = yield* makeImporting()
      server.inject({ kind: json(404, { message: "No Result found" }), when: ({ method }) => method === "PUT" })
      assert.deepStrictEqual(tags(yield* bring([example(1)])), ["Unconfirmed"])
    })
  )
})

describe("ActiveCampaign's contacts", () => {
  it.live("are deleted by their ids, once", () =>
    Effect.gen(function* () {
      const { bring, remove, example, server, account } = yield* makeImporting()
      const [outcome] = yield* bring([example(1, untitled)])
      const externalId = outcome !== undefined && "externalId" in outcome ? outcome.externalId : ""
      const gone = { ...example(1), externalId }
      assert.deepStrictEqual(yield* remove([gone]), [Outcome.Updated({ externalId })])
      assert.lengthOf(account.all(), 0)
      assert.deepStrictEqual(yield* remove([gone]), [Outcome.Unchanged({ externalId })])
      assert.deepStrictEqual(calls(server.requests.slice(-2)), Array(2).fill(`DELETE /contacts/${externalId}`))
    })
  )

  it.live("that were never synced are not looked for", () =>
    Effect.gen(function* () {
      const { remove, example, server } = yield* makeImporting()
      assert.deepStrictEqual(tags(yield* remove([example(1)])), ["Unchanged"])
      assert.lengthOf(server.requests, 0)
    })
  )
})
