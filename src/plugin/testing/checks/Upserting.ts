/** Checks of upsert where nothing goes wrong. */
import { Effect, Option } from "effect"
import type { Outcome } from "../../Outcome.ts"
import type { OutgoingContact, Provider } from "../../Provider.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { OpenStand } from "../Stand.ts"
import { shown, type Trial, tryContacts } from "../Trial.ts"

/** More contacts than any provider gives in one page by default. */
const many = 120
/** The largest batch that is tried. */
const largest = 1000

export const upsertingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "a first sync creates every contact, with our values",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, some, expectOnce } = trial.value
      const batch = some([1, 2, 3])
      const outcomes = yield* bring(batch)
      yield* expectTags(trial.value, outcomes, "Created", "contacts that were not there before")
      yield* expectOnce(batch, "after a first sync")
      const ids = idsOf(outcomes)
      yield* expect(new Set(ids).size === batch.length && !ids.includes(""), {
        expected: "Each contact gets the provider's id of it.",
        happened: `The external ids are ${ids.map((id) => `"${id}"`).join(", ")}.`,
        advice: "Take the id from the answer that is about this very contact."
      })
      for (const contact of batch) yield* expectValues(trial.value, contact)
    })
  ),
  makeCheck(
    "syncing again makes no duplicates, and contacts keep their ids",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, bringAnew, some, expectOnce } = trial.value
      const batch = some([1, 2, 3])
      const ids = idsOf(yield* bring(batch))
      const known = batch.map((contact, index) => ({ ...contact, externalId: ids[index] || null }))
      for (const [what, again] of [
        ["the same contacts again", bring(batch)],
        ["the same contacts with their external ids", bring(known)],
        ["the same contacts from another process", bringAnew(batch)]
      ] as const) {
        const outcomes = yield* again
        const created = outcomes.filter(({ _tag }) => _tag === "Created" || _tag === "Rejected")
        yield* expect(created.length === 0, {
          expected: `Of ${what}, each is Updated or Unchanged.`,
          happened: `The outcomes are ${shown(outcomes)}.`,
          advice: "Created is for contacts that were not there: look before you write, or read what the provider says."
        })
        const now = idsOf(outcomes)
        yield* expect(
          now.every((id, index) => id === "" || ids[index] === "" || id === ids[index]),
          {
            expected: "A contact keeps the provider's id.",
            happened: `The ids were ${ids.join(", ")} and are ${now.join(", ")}.`,
            advice: "Update what is there; look whether outcomes are in the order of the batch."
          }
        )
        yield* expectOnce(batch, `after ${what}`)
      }
    })
  ),
  makeCheck(
    "a contact that changed is Updated, and the provider has its new value",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, some, provider } = trial.value
      const field = mappedText(provider)[0]
      if (field === undefined) return "does not apply"
      yield* bring(some([1, 2]))
      const changed = some([2], { [field]: "Changed" })
      const outcomes = yield* bring([...some([1]), ...changed])
      yield* expect(/^(Updated|Unconfirmed)$/.test(outcomes[1]?._tag ?? ""), {
        expected: "A contact that changed is Updated.",
        happened: `The outcomes are ${shown(outcomes)}, and the second one had changed.`,
        advice: "Compare all the values that are sent with those that are there."
      })
      for (const contact of [...some([1]), ...changed]) yield* expectValues(trial.value, contact)
    })
  ),
  makeCheck(
    "a value that the provider has and we don't stays",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, some, provider, there } = trial.value
      const [written, kept] = mappedText(provider)
      const name = provider.contacts?.mapping[kept ?? "email"]
      if (written === undefined || kept === undefined || name === undefined) return "does not apply"
      yield* bring(some([1], { [kept]: "Kept" }))
      const batch = some([1], { [written]: "Changed", [kept]: "" })
      const outcomes = yield* bring(batch)
      const value = there.all().find(({ email }) => email.toLowerCase() === batch[0]?.email)?.fields[name]
      yield* expect(value === "Kept", {
        expected: "A field that is left out keeps the value that the provider has.",
        happened: `${name} was "Kept", and is ${value === undefined ? "gone" : `"${value}"`} after ${shown(outcomes)}.`,
        advice: "Send the fields of the contact alone, and choose a call that leaves other fields as they are."
      })
      for (const contact of batch) yield* expectValues(trial.value, contact)
    })
  ),
  makeCheck(
    `contacts that are there already are found, all ${many} of them`,
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, some, provider, there, expectOnce } = trial.value
      const batch = some(numbers(Math.min(many, provider.contacts?.batchSize ?? many)))
      for (const { email, fields } of some(numbers(many))) there.add({ email, fields })
      const outcomes = yield* bring(batch)
      yield* expect(
        outcomes.every(({ _tag }) => /^(Updated|Unchanged|Unconfirmed)$/.test(_tag)),
        {
          expected: "A contact that is there already is Updated or Unchanged.",
          happened: `The outcomes are ${shown(outcomes)}.`,
          advice: "Match by email, and read every page where you read the provider's contacts."
        }
      )
      yield* expectOnce(batch, "after a sync of contacts that were there already")
    })
  ),
  makeCheck(
    "a whole batch goes through, and a second time",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, some, provider, expectOnce } = trial.value
      const batch = some(numbers(Math.min(largest, provider.contacts?.batchSize ?? largest)))
      yield* expectTags(trial.value, yield* bring(batch), "Created", `a batch of ${batch.length} new contacts`)
      const again = yield* bring(batch)
      yield* expect(!again.some(({ _tag }) => /^(Created|Rejected)$/.test(_tag)), {
        expected: "A whole batch that is sent again is Updated or Unchanged.",
        happened: `Of ${batch.length} contacts, ${again.filter(({ _tag }) => /^(Created|Rejected)$/.test(_tag)).length} were not.`,
        advice: "Look at the limits of each request: contacts, bytes, the length of a query."
      })
      yield* expectOnce(batch, "after a whole batch")
    })
  )
]

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

const idsOf = (outcomes: ReadonlyArray<Outcome>) =>
  outcomes.map((outcome) => ("externalId" in outcome ? outcome.externalId : ""))

/** Our names of mapped fields that take any text; the last ones are those that providers require least. */
const mappedText = ({ contacts }: Provider) =>
  (["lastName", "jobTitle", "firstName", "company"] as const).filter((field) => contacts?.mapping[field] !== undefined)

/** Fails unless all have this outcome. Of a job the provider may tell less: what is there after it, and no more. */
export const expectTags = (
  { hasJobs }: Trial,
  outcomes: ReadonlyArray<Outcome>,
  tag: "Created" | "Updated",
  what: string
) =>
  expect(
    outcomes.every(({ _tag }) => _tag === tag || (hasJobs && /^(Created|Updated|Unconfirmed)$/.test(_tag))),
    {
      expected: `Of ${what}, each one is ${tag}.`,
      happened: `The outcomes are ${shown(outcomes)}.`,
      advice: "contactsSynced and the counts of a run are made of outcomes: read them from the provider's answer."
    }
  )

/** Fails unless the provider has the values of a contact. An emulator need not show a lookup that found nothing. */
const expectValues = Effect.fnUntraced(function* (
  { there, contacts, provider }: Trial,
  { email, fields }: OutgoingContact
) {
  const own = there.all().find((contact) => contact.email.toLowerCase() === email)?.fields ?? {}
  const described = new Map((yield* contacts.describeFields).map(({ name, type }) => [name, type]))
  const isThere = ([name, value]: readonly [string, unknown]) => {
    if (name === provider.contacts?.mapping.email) return true
    return own[name] === undefined ? described.get(name) === "lookup" : String(own[name]) === String(value)
  }
  const wrong = Object.entries(fields).find((entry) => !isThere(entry))
  if (wrong === undefined) return
  const [name, value] = wrong
  yield* expect(false, {
    expected: `The provider has our values of ${email}.`,
    happened: `Its ${name} is ${own[name] === undefined ? "missing" : `"${own[name]}"`} instead of "${value}".`,
    advice: "Look at the request that carries the field, and at which contact it is about."
  })
})
