/** The part of SOQL that the plugin speaks, read strictly: `SELECT … FROM … WHERE … IN (…) OR … IN (…)`. */
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"
import { columns, type EmulatedOrg, type ObjectName, type Row } from "./EmulatedOrg.ts"

const statement = /^SELECT ((?:\w+, )*\w+) FROM (Contact|Lead|Account) WHERE (.+)$/s
const literal = /'(?:[^'\\]|\\['"\\nrtfb])*'/y
const condition = /(\w+) IN \(/y
const unescapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", b: "\b" }

const pageSize = 2000

const refused = (errorCode: string, message: string): EmulatedAnswer => json(400, [{ message, errorCode }])

/** Reads conditions; undefined where they are not well formed. */
const conditionsOf = (where: string) => {
  const conditions: Array<{ readonly field: string; readonly values: ReadonlySet<string> }> = []
  let at = 0
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const match = pattern.exec(where)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  for (;;) {
    const field = take(condition)?.[1]
    if (field === undefined) return undefined
    const values = new Set<string>()
    do {
      const text = take(literal)?.[0]
      if (text === undefined) return undefined
      const value = text.slice(1, -1).replace(/\\(.)/g, (_, character) => unescapes[character] ?? character)
      values.add(field === "Id" ? value : value.toLowerCase())
    } while (where[at] === "," && ++at)
    if (where[at++] !== ")") return undefined
    conditions.push({ field, values })
    if (at === where.length) return conditions
    if (take(/ OR /y) === null) return undefined
  }
}

/** Answers a query, `from` record on, as the pages after the first have it. */
export const answerQuery = (org: EmulatedOrg, version: string, soql: string, from: number): EmulatedAnswer => {
  const [, selected = "", from_ = "", where = ""] = statement.exec(soql) ?? []
  const conditions = conditionsOf(where)
  const object = (["Contact", "Lead", "Account"] as const).find((name) => name === from_)
  if (object === undefined || conditions === undefined) return refused("MALFORMED_QUERY", "unexpected token")
  const names = selected.split(", ")
  const unknown = [...names, ...conditions.map(({ field }) => field)].find(
    (name) => !columns[object].some((column) => column.name === name)
  )
  if (unknown !== undefined) {
    const excerpt = `\n${soql.slice(0, 60)}\n ^\nERROR at Row:1:Column:8\n`
    return refused("INVALID_FIELD", `${excerpt}No such column '${unknown}' on entity '${object}'.`)
  }
  if (new Set(names).size < names.length) return refused("INVALID_FIELD", "duplicate field selected")
  const rows = org
    .live(object)
    .filter((row) =>
      conditions.some(({ field, values }) =>
        field === "Id" ? values.has(row.id) : values.has(String(row.fields[field] ?? "").toLowerCase())
      )
    )
  const end = from + pageSize
  return json(200, {
    totalSize: rows.length,
    done: end >= rows.length,
    records: rows.slice(from, end).map((row) => shown(object, version, names, row)),
    ...(end >= rows.length
      ? {}
      : { nextRecordsUrl: `/services/data/${version}/query/01g5e00000emulator-${end}?q=${encodeURIComponent(soql)}` })
  })
}

const shown = (object: ObjectName, version: string, names: ReadonlyArray<string>, { id, fields }: Row) => ({
  attributes: { type: object, url: `/services/data/${version}/sobjects/${object}/${id}` },
  ...Object.fromEntries(
    names.map((name) => {
      const isBoolean = columns[object].some((column) => column.name === name && column.type === "boolean")
      return [name, name === "Id" ? id : (fields[name] ?? (isBoolean ? false : null))]
    })
  )
})
