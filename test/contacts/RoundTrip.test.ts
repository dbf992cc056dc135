import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import fc from "fast-check"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ContactRepo } from "../../src/contacts/ContactRepo.ts"
import { NewContact } from "../../src/domain/Contact.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { ContactsLayer, importText } from "../support/ContactsLayer.ts"

/** What makes CSV, spreadsheets and our own notations stumble, and any other text. */
const text = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom(
        '"',
        ",",
        ";",
        "\t",
        "\r",
        "\n",
        "\r\n",
        "'",
        "=",
        "+",
        "-",
        "@",
        "＝",
        "[",
        "]",
        "\\",
        " ",
        "\ufeff",
        "1"
      ),
      maxLength: 12
    }),
    fc.constantFrom("true", "false", "null", "5", "-12.5", "1e5", "05", '"5"', "+1 555-0100", "'=1", "=1+1", "toString")
  )
  .filter((text) => !text.includes("\0") && text.isWellFormed())

const optional = fc.option(text, { nil: null })
const tag = text.filter((text) => text.trim() === text && text !== "")
const name = fc.constantFrom("a", "A", "b_1", "score", "constructor", "toString", "email")
const value = fc.oneof(
  text,
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.integer(),
  fc.boolean()
)

const contact = fc.record({
  cardId: optional,
  firstName: optional,
  lastName: optional,
  phone: optional,
  company: optional,
  jobTitle: optional,
  tags: fc.uniqueArray(tag, { maxLength: 5 }),
  customFields: fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true })
})
const address = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}$/)
const contacts = fc.tuple(fc.array(contact, { minLength: 1, maxLength: 30 }), address)

layer(ContactsLayer, { excludeTestServices: true, timeout: "120 seconds" })("An export", (it) => {
  it.effect("is imported as the very same contacts, whatever is in them", () =>
    Effect.gen(function* () {
      const repo = yield* ContactRepo
      const exports = yield* ContactExport
      const sql = yield* PgClient.PgClient
      const stored = (user: UserId) =>
        Effect.map(repo.listFrom(user, 1000, null), (rows) =>
          rows.map(({ id: _, userId: __, createdAt: ___, updatedAt: ____, ...rest }) => rest)
        )
      for (const [index, [generated, prefix]] of fc.sample(contacts, { numRuns: 60, seed: 5 }).entries()) {
        const [from, to] = [UserId.make(`from-${index}`), UserId.make(`to-${index}`)]
        const made = generated.map((fields, n) => new NewContact({ ...fields, email: `${prefix}.${n}@x.co` }))
        yield* repo.upsertMany(from, made, false)
        const expected = yield* stored(from)
        assert.deepStrictEqual(
          expected.map(({ customFields, tags }) => ({ customFields, tags })),
          made.map(({ customFields = {}, tags = [] }) => ({ customFields, tags: [...tags] }))
        )
        const file = yield* Stream.mkString(exports.csv(from))
        assert.deepInclude(yield* importText(to, file), { created: made.length, rejected: 0, errors: [] })
        assert.deepStrictEqual(yield* stored(to), expected)
        assert.deepInclude(yield* importText(from, file), { unchanged: made.length, created: 0, updated: 0 })
      }
      assert.deepStrictEqual(yield* sql`SELECT FROM nexus.outbox`, [])
    }).pipe(Effect.scoped)
  )
})
