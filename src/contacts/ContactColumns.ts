/** Which column of a CSV file is which field of a contact. */
import { Effect } from "effect"
import { customFieldName } from "../domain/Contact.ts"
import { InvalidCsv } from "../domain/ContactErrors.ts"
import { restore } from "./CsvCell.ts"
import type { CsvRow } from "./CsvRows.ts"

/** The fields that a column can have, custom ones aside, in the order of an export. */
export const columnFields = [
  "email",
  "firstName",
  "lastName",
  "phone",
  "company",
  "jobTitle",
  "cardId",
  "tags"
] as const
type ColumnField = (typeof columnFields)[number]

/** A column: a field, a custom field by its name, or what an export has and an import passes over. */
export type Column = { readonly name: string } & (
  | { readonly _tag: "Field"; readonly field: ColumnField }
  | { readonly _tag: "Custom"; readonly field: string }
  | { readonly _tag: "Ignored" }
)

/** Beside the names of the fields themselves; spaces, `-`, `_` and case make no difference. */
const spellings: Readonly<Record<ColumnField, ReadonlyArray<string>>> = {
  email: ["mail", "emailaddress", "mailaddress"],
  firstName: ["givenname", "forename"],
  lastName: ["surname", "familyname"],
  phone: ["phonenumber", "telephone", "telephonenumber", "mobile", "mobilephone"],
  company: ["companyname", "organization", "organisation"],
  jobTitle: ["title", "position"],
  cardId: ["card"],
  tags: ["tag", "labels"]
}
const ignored = new Set(["id", "userid", "createdat", "updatedat"])
const known = new Map<string, ColumnField>(
  columnFields.flatMap((field) => [field.toLowerCase(), ...spellings[field]].map((name) => [name, field] as const))
)

/** `customFields.x`, `custom_fields.x` or `custom.x`. The name itself is taken as it is written. */
const custom = /^custom(?:[ _]?fields)?\.(.*)$/i

/** The columns that a header names; fails with one sentence about all that is wrong with them. */
export const columnsOf = Effect.fnUntraced(function* ({ line, cells }: CsvRow) {
  const columns = cells.map((cell) => columnOf(restore(cell).trim()))
  const unknown = columns.filter((column) => typeof column === "string")
  if (unknown.length > 0) {
    const names = unknown.map((name) => `"${name.slice(0, 100)}"`).join(", ")
    return yield* new InvalidCsv({
      line,
      reason: `there is no field for the column ${names}. Known are ${columnFields.join(", ")} and customFields.<name>`
    })
  }
  const found = columns.filter((column) => typeof column !== "string")
  const twice = found.find(
    (column, index) =>
      column._tag !== "Ignored" &&
      found.some((other, at) => at < index && other._tag === column._tag && other.field === column.field)
  )
  if (twice !== undefined) {
    return yield* new InvalidCsv({ line, reason: `two columns are the same field; the second is "${twice.name}"` })
  }
  if (!found.some((column) => column._tag === "Field" && column.field === "email")) {
    return yield* new InvalidCsv({ line, reason: 'no column has the email addresses. Name one "email"' })
  }
  return found
})

/** The column of a name; the name alone when there is none. */
const columnOf = (name: string): Column | string => {
  const customName = custom.exec(name)?.[1]
  if (customName !== undefined) {
    return customFieldName.test(customName) ? { _tag: "Custom", field: customName, name } : name
  }
  const plain = name.toLowerCase().replace(/[\s_-]/g, "")
  const field = known.get(plain)
  if (field !== undefined) return { _tag: "Field", field, name }
  return ignored.has(plain) ? { _tag: "Ignored", name } : name
}
