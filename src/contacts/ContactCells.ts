/** Contacts as cells of a CSV file and back. What is written here and read here is the same contact. */
import { Result, Schema, SchemaIssue } from "effect"
import { type Contact, type CustomValue, NewContact } from "../domain/Contact.ts"
import type { RowError } from "../domain/ContactImportResult.ts"
import { type Column, columnFields } from "./ContactColumns.ts"
import { neutralise, restore } from "./CsvCell.ts"
import type { CsvRow } from "./CsvRows.ts"

const Texts = Schema.fromJsonString(Schema.Array(Schema.String))
const Text = Schema.fromJsonString(Schema.String)
const asTexts = Schema.decodeResult(Texts)
const asText = Schema.decodeResult(Text)
const decodeContact = Schema.decodeUnknownResult(NewContact, { errors: "all" })
const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** Tags as `one;two`, or as a JSON array when one of them would be read differently then. */
const writeTags = (tags: ReadonlyArray<string>) =>
  tags.every((tag) => !/[;,]/.test(tag)) && !tags[0]?.startsWith("[") ? tags.join(";") : JSON.stringify(tags)

const readTags = (cell: string): ReadonlyArray<string> => {
  const texts = cell.trimStart().startsWith("[") ? asTexts(cell) : undefined
  if (texts !== undefined && Result.isSuccess(texts)) return texts.success
  return cell
    .split(/[;,]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "")
}

/** What a cell is as the value of a custom field: a number or a boolean that is spelt as we would, else a text. */
const readCustom = (cell: string): CustomValue => {
  if (cell === "true" || cell === "false") return cell === "true"
  const number = Number(cell)
  if (Number.isFinite(number) && String(number) === cell) return number
  const text = cell.startsWith('"') ? asText(cell) : undefined
  return text !== undefined && Result.isSuccess(text) ? text.success : cell
}

/** Texts that would be read as something else are written as JSON strings. */
const writeCustom = (value: CustomValue) => {
  if (typeof value !== "string") return value === null ? "" : String(value)
  return value === "" || readCustom(value) !== value ? JSON.stringify(value) : value
}

/** The first row of a file. */
export const headerCells = (customNames: ReadonlyArray<string>): ReadonlyArray<string> => [
  "id",
  ...columnFields,
  ...customNames.map((name) => `customFields.${name}`),
  "createdAt",
  "updatedAt"
]

/** A contact as a row below {@link headerCells} with the same names. */
export const contactCells = (contact: Contact, customNames: ReadonlyArray<string>): ReadonlyArray<string> => {
  const encoded = encodeTimes(contact)
  return [
    contact.id,
    ...columnFields.map((field) => (field === "tags" ? writeTags(contact.tags) : (contact[field] ?? ""))),
    ...customNames.map((name) =>
      writeCustom(Object.hasOwn(contact.customFields, name) ? (contact.customFields[name] ?? null) : null)
    ),
    encoded.createdAt,
    encoded.updatedAt
  ].map(neutralise)
}

const encodeTimes = Schema.encodeSync(
  Schema.Struct({ createdAt: Schema.DateTimeUtcFromString, updatedAt: Schema.DateTimeUtcFromString })
)

/** The contact of a row, or everything that is wrong with it. Empty cells say nothing. */
export const readContact = (
  { line, cells }: CsvRow,
  columns: ReadonlyArray<Column>
): Result.Result<NewContact, ReadonlyArray<RowError>> => {
  if (cells.length !== columns.length) {
    const message = `The row has ${cells.length} cells, the header ${columns.length}`
    return Result.fail([{ line, column: null, message }])
  }
  const given: Record<string, unknown> = {}
  const custom: Array<readonly [string, CustomValue]> = []
  columns.forEach((column, index) => {
    const cell = restore(cells[index] ?? "")
    if (cell === "" || column._tag === "Ignored") return
    if (column._tag === "Custom") custom.push([column.field, readCustom(cell)])
    else given[column.field] = column.field === "tags" ? readTags(cell) : cell
  })
  if (given.email === undefined) {
    const message = "There is no email address, without which nobody is a contact"
    return Result.fail([{ line, column: nameOf(columns, ["email"]), message }])
  }
  if (custom.length > 0) given.customFields = Object.fromEntries(custom)
  return Result.mapError(decodeContact(given), ({ issue }) =>
    format(issue).issues.map(({ path = [], message }) => ({ line, column: nameOf(columns, path.map(String)), message }))
  )
}

/** The name of the column that the part of a contact comes from. */
const nameOf = (columns: ReadonlyArray<Column>, [part, name]: ReadonlyArray<string>) =>
  columns.find((column) =>
    part === "customFields"
      ? column._tag === "Custom" && column.field === name
      : column._tag === "Field" && column.field === part
  )?.name ?? null
