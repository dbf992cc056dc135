import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { columnsOf } from "../../src/contacts/ContactColumns.ts"

const read = (...cells: ReadonlyArray<string>) => columnsOf({ line: 1, cells })
const refusal = (...cells: ReadonlyArray<string>) => Effect.map(Effect.flip(read(...cells)), ({ message }) => message)

describe("The header of a file", () => {
  it.effect("names fields in the spellings that people use", () =>
    Effect.gen(function* () {
      const columns = yield* read(
        "E-mail",
        " First Name ",
        "last_name",
        "PHONE",
        "Organisation",
        "Job Title",
        "cardId",
        "Tags",
        "customFields.Score",
        "custom.other_1",
        "ID",
        "created_at"
      )
      assert.deepStrictEqual(
        columns.map((column) => (column._tag === "Ignored" ? "" : column.field)),
        ["email", "firstName", "lastName", "phone", "company", "jobTitle", "cardId", "tags", "Score", "other_1", "", ""]
      )
    })
  )

  it.effect("is refused with the unknown columns, and the known ones", () =>
    Effect.gen(function* () {
      const message = yield* refusal("email", "nickname", "", "custom.not valid")
      assert.include(message, 'column "nickname", "", "custom.not valid"')
      assert.include(message, "Known are email, firstName")
      assert.include(message, "customFields.<name>")
    })
  )

  it.effect("is refused where a field is named twice, or no address", () =>
    Effect.gen(function* () {
      assert.include(yield* refusal("email", "Phone", "telephone"), 'the second is "telephone"')
      assert.include(yield* refusal("email", "custom.a", "customFields.a"), 'the second is "customFields.a"')
      assert.include(yield* refusal("firstName"), 'Name one "email"')
    })
  )
})
