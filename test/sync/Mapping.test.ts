import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { hashOf, mappingOf, outgoing, type SourceContact } from "../../src/sync/Mapping.ts"

const contacts = {
  batchSize: 10,
  mapping: { email: "EMAIL", firstName: "FNAME", lastName: "LNAME", company: "COMPANY" }
}
const sources = ["email", "firstName", "lastName", "phone", "company", "jobTitle", "cardId"]

const text = fc.option(fc.string(), { nil: null })
const source: fc.Arbitrary<SourceContact> = fc.record({
  id: fc.uuid(),
  email: fc.emailAddress(),
  firstName: text,
  lastName: text,
  phone: text,
  company: text,
  jobTitle: text,
  cardId: text,
  tags: fc.array(fc.string(), { maxLength: 3 }),
  customFields: fc.dictionary(
    fc.string(),
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.object())
  )
})
const mapping = fc.dictionary(
  fc.oneof(
    fc.constantFrom(...sources),
    fc.string().map((name) => `customFields.${name}`)
  ),
  fc.oneof(fc.constantFrom("EMAIL", "FNAME"), fc.string({ minLength: 1 }))
)

/** The same values, written down in another order. */
const shuffled = <A>(values: Readonly<Record<string, A>>, numbers: ReadonlyArray<number>): Record<string, A> =>
  Object.fromEntries(
    Object.entries(values)
      .map((entry, index) => [numbers[index] ?? index, entry] as const)
      .sort(([one], [other]) => one - other)
      .map(([, entry]) => entry)
  )

describe("the mapping of an integration", () => {
  it("has the email where the provider has it, whatever the integration's own mapping says", () => {
    fc.assert(
      fc.property(source, mapping, (contact, fieldMapping) => {
        const { email, fields } = outgoing(contact, mappingOf({ contacts }, { fieldMapping }), null)
        assert.strictEqual(email, contact.email.toLowerCase())
        assert.strictEqual(fields.EMAIL, email)
      })
    )
  })

  it("is the provider's default unless the integration has its own, which replaces it whole", () => {
    assert.deepStrictEqual(mappingOf({ contacts }, {}), contacts.mapping)
    assert.deepStrictEqual(mappingOf({ contacts }, { fieldMapping: null }), contacts.mapping)
    assert.deepStrictEqual(mappingOf({ contacts }, { fieldMapping: { phone: "TEL" } }), {
      phone: "TEL",
      email: "EMAIL"
    })
    const own = { firstName: "EMAIL", phone: "TEL" }
    assert.deepStrictEqual(mappingOf({ contacts }, { fieldMapping: own }), { phone: "TEL", email: "EMAIL" })
  })
})

describe("a contact that goes out", () => {
  it("has no empty value, and no other field than those of the mapping", () => {
    fc.assert(
      fc.property(source, mapping, (contact, fieldMapping) => {
        const used = mappingOf({ contacts }, { fieldMapping })
        const { fields } = outgoing(contact, used, null)
        for (const [name, value] of Object.entries(fields)) {
          assert.include(Object.values(used), name)
          assert.include(["string", "number", "boolean"], typeof value)
          if (typeof value === "string") assert.strictEqual(value, value.trim())
          assert.notStrictEqual(value, "")
        }
      })
    )
  })

  it("has custom fields as they are: texts, numbers and booleans, zero and false among them", () => {
    const contact: SourceContact = {
      id: "1",
      email: " Ada@Example.com ",
      firstName: "  ",
      lastName: null,
      phone: null,
      company: null,
      jobTitle: null,
      cardId: "card-7",
      tags: ["b", "a"],
      customFields: { birthday: "1815-12-10", children: 0, living: false, nothing: null, deep: { a: 1 } }
    }
    const own = ["birthday", "children", "living", "nothing", "deep", "toString", "__proto__"]
    const fieldMapping = {
      firstName: "FNAME",
      cardId: "CARD",
      ...Object.fromEntries(own.map((name) => [`customFields.${name}`, name]))
    }
    assert.deepStrictEqual(outgoing(contact, mappingOf({ contacts }, { fieldMapping }), "42"), {
      id: "1",
      email: "ada@example.com",
      fields: { EMAIL: "ada@example.com", CARD: "card-7", birthday: "1815-12-10", children: 0, living: false },
      tags: ["b", "a"],
      externalId: "42"
    })
  })
})

describe("the hash of a contact", () => {
  it("is the same in whatever order fields, tags and settings are written down", () => {
    fc.assert(
      fc.property(
        source,
        mapping,
        fc.dictionary(fc.string(), fc.string()),
        fc.array(fc.nat()),
        (known, used, own, numbers) => {
          const contact = outgoing(known, used, null)
          const other = {
            ...contact,
            id: "another",
            externalId: "known by now",
            fields: shuffled(contact.fields, numbers),
            tags: [...contact.tags].reverse()
          }
          assert.strictEqual(hashOf(other, shuffled(own, numbers)), hashOf(contact, own))
        }
      )
    )
  })

  it("is another one as soon as anything that is sent is different", () => {
    const contact = { id: "1", email: "ada@example.com", fields: { a: "1", b: "2" }, tags: ["x"], externalId: null }
    const different = [
      hashOf(contact, {}),
      hashOf({ ...contact, email: "ada@example.org" }, {}),
      hashOf({ ...contact, fields: { a: "1" } }, {}),
      hashOf({ ...contact, fields: { a: "2", b: "1" } }, {}),
      hashOf({ ...contact, fields: { a: 1, b: "2" } }, {}),
      hashOf({ ...contact, fields: { a: "1", c: "2" } }, {}),
      hashOf({ ...contact, tags: [] }, {}),
      hashOf({ ...contact, tags: ["x", "y"] }, {}),
      hashOf(contact, { tags: true })
    ]
    assert.strictEqual(new Set(different).size, different.length)
  })
})
