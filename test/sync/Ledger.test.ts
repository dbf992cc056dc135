import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { account, countsOf, standing, stillRejected } from "../../src/sync/Ledger.ts"
import type { KnownContact, RecordOutcome } from "../../src/sync/SyncRecordRepo.ts"

const contact = { id: "c1", email: "ada@example.com", fields: {}, tags: [], externalId: null }
const sending = { contact, hash: "h1" }
const outcomes = ["created", "updated", "unchanged", "rejected", "pending", "unconfirmed"] as const

const known = (outcome: RecordOutcome | null, rest: Partial<KnownContact> = {}): KnownContact => ({
  id: "c1",
  email: "ada@example.com",
  firstName: null,
  lastName: null,
  phone: null,
  company: null,
  jobTitle: null,
  cardId: null,
  tags: [],
  customFields: {},
  outcome,
  externalId: "42",
  hash: "h1",
  reason: null,
  field: null,
  isRetryable: false,
  ...rest
})

describe("what is written down", () => {
  it("of each outcome", () => {
    const of = (outcome: Outcome, job: string | null = null) => {
      const { contactId, email, hash, ...rest } = account(sending, outcome, job)
      assert.deepStrictEqual({ contactId, email, hash }, { contactId: "c1", email: "ada@example.com", hash: "h1" })
      return rest
    }
    const nothing = { externalId: null, reason: null, field: null, isRetryable: false, job: null }
    assert.deepStrictEqual(of(Outcome.Created({ externalId: "7" })), {
      ...nothing,
      outcome: "created",
      externalId: "7"
    })
    assert.deepStrictEqual(of(Outcome.Updated({ externalId: "7" })), {
      ...nothing,
      outcome: "updated",
      externalId: "7"
    })
    assert.deepStrictEqual(of(Outcome.Unchanged({ externalId: "" })), { ...nothing, outcome: "unchanged" })
    assert.deepStrictEqual(of(Outcome.Rejected({ reason: "No.", retryable: true })), {
      ...nothing,
      outcome: "rejected",
      reason: "No.",
      isRetryable: true
    })
    assert.deepStrictEqual(of(Outcome.Rejected({ reason: "No.", field: "phone", retryable: false })), {
      ...nothing,
      outcome: "rejected",
      reason: "No.",
      field: "phone"
    })
    assert.deepStrictEqual(of(Outcome.Accepted({ job: "j" })), { ...nothing, outcome: "pending", job: "j" })
    assert.deepStrictEqual(of(Outcome.Unconfirmed(), "j"), { ...nothing, outcome: "unconfirmed", job: "j" })
  })

  it("of any text that a provider may send fits into the database", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (text) => {
        const odd = `${text}\0\ud83d`
        const { reason, field } = account(sending, Outcome.Rejected({ reason: odd, field: odd, retryable: false }))
        const { externalId } = account(sending, Outcome.Created({ externalId: odd }))
        const { job } = account(sending, Outcome.Accepted({ job: odd }))
        for (const kept of [reason, field, externalId, job]) {
          assert.isTrue(kept?.isWellFormed())
          assert.notInclude(kept, "\0")
        }
        assert.isAtMost(reason?.length ?? 0, 1000)
      })
    )
    const split = account(sending, Outcome.Rejected({ reason: `${"x".repeat(999)}😀`, retryable: false }))
    assert.isTrue(split.reason?.isWellFormed())
  })
})

describe("a contact with the hash that it had", () => {
  it("stands as unchanged when it is there, and as rejected when it would be refused again", () => {
    assert.deepStrictEqual(
      outcomes.map((outcome) => [outcome, standing(known(outcome), "h1")]),
      [
        ["created", "unchanged"],
        ["updated", "unchanged"],
        ["unchanged", "unchanged"],
        ["rejected", "rejected"],
        ["pending", undefined],
        ["unconfirmed", undefined]
      ]
    )
    assert.isUndefined(standing(known("rejected", { isRetryable: true }), "h1"))
    assert.isUndefined(standing(known(null, { hash: null }), "h1"))
  })

  it("is sent in any other case", () => {
    for (const outcome of outcomes) assert.isUndefined(standing(known(outcome), "h2"))
  })

  it("keeps its reason when it is still rejected", () => {
    const before = known("rejected", { reason: "The phone number is wrong.", field: "phone" })
    const still = stillRejected(before, sending)
    const { outcome, reason, field, hash, isRetryable, job } = still
    assert.deepStrictEqual(
      { outcome, reason, field, hash, isRetryable, job },
      {
        outcome: "rejected",
        reason: "The phone number is wrong.",
        field: "phone",
        hash: "h1",
        isRetryable: false,
        job: null
      }
    )
  })
})

describe("counts", () => {
  it("count each outcome once", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...outcomes)), (all) => {
        const counts = countsOf(all)
        assert.strictEqual(
          Object.values(counts).reduce((sum, count) => sum + count, 0),
          all.length
        )
        for (const outcome of outcomes) {
          assert.strictEqual(counts[outcome] ?? 0, all.filter((one) => one === outcome).length)
        }
      })
    )
  })
})
