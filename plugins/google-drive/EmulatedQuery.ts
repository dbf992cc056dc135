/** The search language of `files.list` (guide "Search for files and folders"), as far as files that we make need it. */

/** What a search looks at. */
export interface Searched {
  readonly name: string
  readonly mimeType: string
  readonly parents: ReadonlyArray<string>
  readonly isTrashed: boolean
}

const literal = String.raw`'((?:[^'\\]|\\['\\])*)'`
const clauses: ReadonlyArray<readonly [RegExp, (file: Searched, value: string) => boolean]> = [
  [new RegExp(`^${literal} in parents$`), ({ parents }, id) => parents.includes(id)],
  [/^trashed ?= ?(true|false)$/, ({ isTrashed }, value) => String(isTrashed) === value],
  [new RegExp(`^name ?= ?${literal}$`), ({ name }, value) => name === value],
  [new RegExp(`^name contains ${literal}$`), ({ name }, value) => name.startsWith(value)],
  [new RegExp(`^mimeType ?= ?${literal}$`), ({ mimeType }, value) => mimeType === value],
  [new RegExp(`^mimeType ?!= ?${literal}$`), ({ mimeType }, value) => mimeType !== value]
]

/** The condition that a query stands for; undefined where it can't be read. */
export const queryOf = (query: string): ((file: Searched) => boolean) | undefined => {
  if (query.trim() === "") return () => true
  const texts = query.match(/(?:'(?:[^'\\]|\\.)*'|(?! and )[^'])+/g) ?? []
  const conditions = texts.map((text) => conditionOf(text.replace(/^and /, "").trim()))
  return conditions.includes(undefined) ? undefined : (file) => conditions.every((condition) => condition?.(file))
}

const conditionOf = (text: string) => {
  for (const [pattern, holds] of clauses) {
    const [, value] = pattern.exec(text) ?? []
    if (value !== undefined) return (file: Searched) => holds(file, value.replace(/\\(['\\])/g, "$1"))
  }
  return undefined
}
