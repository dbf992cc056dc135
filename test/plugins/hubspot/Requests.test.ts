/** What goes to HubSpot, and how its answers are read: CRM v3's reference and error handling page. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exampleContact, json, makeStand, type RunningEmulator } from "nexus-integrations/plugin/testing"
import { HubSpotEmulator } from "../../../plugins/hubspot/Emulator.ts"
import { HubSpotPlugin } from "../../../plugins/hubspot/HubSpot.ts"

const stand = Effect.gen(function* () {
  const made = yield* makeStand(HubSpotPlugin, HubSpotEmulator)
  const { contacts } = yield* made.session()
  const there = made.emulator.contacts
  assert.isDefined(contacts)
  assert.isDefined(there)
  const some = (numbers: ReadonlyArray<number>) => numbers.map((n) => exampleContact(made.provider, n))
  return { ...made, contacts, there, some }
})

const batch = "/crm/v3/objects/contacts/batch"
const isTo = (path: string) => (request: { readonly path: string }) => request.path === path
const paths = ({ requests }: RunningEmulator, from = 0) => requests.slice(from).map(({ path }) => path)
const tags = (outcomes: ReadonlyArray<{ readonly _tag: string }>) => outcomes.map(({ _tag }) => _tag)
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe("HubSpot's requests", () => {
  it.live("carry the token, texts alone, and a trace id for each contact", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* stand
      const [one] = some([1])
      assert.isDefined(one)
      yield* contacts.upsert([{ ...one, fields: { ...one.fields, numemployees: 5 } }]).pipe(Effect.ignore)
      assert.deepStrictEqual(paths(server).slice(0, 2), [`${batch}/read`, `${batch}/create`])
      for (const { method, headers } of server.requests) {
        assert.strictEqual(method, "POST")
        assert.strictEqual(headers.authorization, "Bearer pat-na1-emulator-11111111-2222-3333")
        assert.strictEqual(headers["content-type"], "application/json")
      }
      const [read, create] = server.requests.map(({ body }) => JSON.parse(body))
      assert.deepInclude(read, { idProperty: "email", inputs: [{ id: one.email }] })
      assert.includeMembers(read.properties, ["email", "firstname", "hs_additional_emails"])
      assert.strictEqual(create.inputs[0].objectWriteTraceId, one.id)
      assert.strictEqual(create.inputs[0].properties.numemployees, "5")
      assert.isUndefined(create.inputs[0].id)
    })
  )

  it.live("take 250 new contacts in three batches of three calls at most, and nothing when they are sent again", () =>
    Effect.gen(function* () {
      const { contacts, server, some, there, provider } = yield* stand
      const size = provider.contacts?.batchSize ?? 0
      assert.strictEqual(size, 100)
      const batches = [0, 1, 2].map((n) => some(numbers(250)).slice(n * size, (n + 1) * size))
      const first = yield* Effect.forEach(batches, contacts.upsert)
      assert.isTrue(first.flat().every(({ _tag }) => _tag === "Created"))
      assert.deepStrictEqual(
        paths(server),
        [0, 1, 2].flatMap(() => [`${batch}/read`, `${batch}/create`])
      )
      const before = server.requests.length
      const again = yield* Effect.forEach(batches, contacts.upsert)
      assert.isTrue(again.flat().every(({ _tag }) => _tag === "Unchanged"))
      assert.deepStrictEqual(
        paths(server, before),
        [0, 1, 2].map(() => `${batch}/read`)
      )
      assert.strictEqual(there.all().length, 250)
    })
  )

  it.live("update by record id, with what differs from us alone, and never the address", () =>
    Effect.gen(function* () {
      const { contacts, server, some, there } = yield* stand
      const [one] = some([1])
      assert.isDefined(one)
      there.add({
        email: "ada.old@example.com",
        fields: { lastname: "Old", hs_additional_emails: `x@y.zz;${one.email}` }
      })
      assert.deepStrictEqual(tags(yield* contacts.upsert([one])), ["Updated"])
      const update = JSON.parse(server.requests.find(isTo(`${batch}/update`))?.body ?? "null")
      assert.strictEqual(update.inputs[0].id, "101")
      assert.notProperty(update.inputs[0].properties, "email")
      assert.deepStrictEqual(
        there.all().map(({ email, fields }) => [email, fields.lastname]),
        [["ada.old@example.com", "Lovelace 1"]]
      )
      assert.deepStrictEqual(tags(yield* contacts.upsert([one])), ["Unchanged"])
    })
  )

  it.live("leave a contact that somebody else made in between to the next run", () =>
    Effect.gen(function* () {
      const { contacts, server, some, there } = yield* stand
      const [one, two] = some([1, 2])
      assert.isDefined(one)
      assert.isDefined(two)
      there.add({ email: one.email, fields: {} })
      // The read that misses it.
      server.inject({ kind: json(200, { status: "COMPLETE", results: [] }), when: isTo(`${batch}/read`) })
      const [outcome, other] = yield* contacts.upsert([one, two])
      assert.deepInclude(outcome, {
        _tag: "Rejected",
        reason: "Contact already exists. Existing ID: 101",
        retryable: true
      })
      assert.strictEqual(other?._tag, "Created")
      assert.deepStrictEqual(tags(yield* contacts.upsert([one])), ["Updated"])
    })
  )

  it.live("leave it to the next run also when HubSpot refuses the whole batch for it", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* stand
      const message = "Contact already exists. Existing ID: 101"
      server.inject({
        kind: json(409, { status: "error", category: "CONFLICT", message }),
        when: ({ path, body }) => path === `${batch}/create` && body.includes("ada.1@example.com"),
        times: 9
      })
      const [outcome, ...others] = yield* contacts.upsert(some([1, 2, 3]))
      assert.deepInclude(outcome, { _tag: "Rejected", reason: message, retryable: true })
      assert.deepStrictEqual(tags(others), ["Created", "Created"])
    })
  )

  it.live("leave a contact that was deleted in between to the next run, which makes it anew", () =>
    Effect.gen(function* () {
      const { contacts, server, some, there } = yield* stand
      const [one] = some([1])
      assert.isDefined(one)
      const gone = { id: "999", properties: { email: one.email, firstname: "Old" } }
      server.inject({ kind: json(200, { status: "COMPLETE", results: [gone] }), when: isTo(`${batch}/read`) })
      assert.deepInclude((yield* contacts.upsert([one]))[0], { _tag: "Rejected", retryable: true })
      assert.deepStrictEqual(tags(yield* contacts.upsert([one])), ["Created"])
      assert.lengthOf(there.all(), 1)
    })
  )

  it.live("tell results apart by address when no trace id comes back, and don't guess which error is whose", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* stand
      const results = [{ id: "7", properties: { email: "ADA.2@example.com" } }]
      const errors = [{ message: "Property values were not valid" }, { message: "Something else" }]
      server.inject({ kind: json(207, { results, errors, numErrors: 2 }), when: isTo(`${batch}/create`) })
      const [first, second, third] = yield* contacts.upsert(some([1, 2, 3]))
      assert.deepStrictEqual(second && { ...second }, { _tag: "Created", externalId: "7" })
      for (const untold of [first, third]) {
        assert.deepInclude(untold, { reason: "HubSpot did not say what became of this contact", retryable: true })
      }
    })
  )

  it.live("don't blame a contact for an error that names another", () =>
    Effect.gen(function* () {
      const { contacts, server, some } = yield* stand
      const [one, two] = some([1, 2])
      assert.isDefined(one)
      assert.isDefined(two)
      const errors = [{ message: "Property values were not valid", context: { objectWriteTraceId: [one.id] } }]
      server.inject({ kind: json(207, { results: [], errors, numErrors: 1 }), when: isTo(`${batch}/create`) })
      const [named, untold] = yield* contacts.upsert([one, two])
      assert.deepInclude(named, { reason: "Property values were not valid", retryable: false })
      assert.deepInclude(untold, { reason: "HubSpot did not say what became of this contact", retryable: true })
    })
  )

  it.live("archive by record id, and pass over what was never there", () =>
    Effect.gen(function* () {
      const { contacts, server, there } = yield* stand
      const { remove } = contacts
      assert.isDefined(remove)
      there.add({ email: "a@example.com", fields: {} })
      const gone = { id: "00000000-0000-7000-9000-000000000001", email: "a@example.com", externalId: "101" }
      assert.deepStrictEqual(tags(yield* remove([gone, { ...gone, externalId: null }])), ["Updated", "Unchanged"])
      assert.deepStrictEqual(JSON.parse(server.requests[0]?.body ?? ""), { inputs: [{ id: "101" }] })
      assert.deepStrictEqual(there.all(), [])
      assert.deepStrictEqual(tags(yield* remove([{ ...gone, externalId: null }])), ["Unchanged"])
      assert.deepStrictEqual(paths(server), [`${batch}/archive`])
    })
  )

  it.live("describe what can be written, and nothing that HubSpot works out itself", () =>
    Effect.gen(function* () {
      const { contacts } = yield* stand
      const fields = yield* contacts.describeFields
      assert.deepInclude(fields, { name: "email", label: "email", type: "text", required: true })
      assert.notInclude(
        fields.map(({ name }) => name),
        "hs_object_id"
      )
    })
  )
})
