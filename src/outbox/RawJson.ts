/** Takes parts out of JSON texts as they are written: parsing would lose the order of keys and the spelling of numbers. */

/** Ends of strings, and whatever nests. Strings come whole, so that what is in them counts for nothing. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/gs

/**
 * The text of a member of a JSON object; the last one of that name, as `JSON.parse` takes it. Undefined when there is
 * none.
 *
 * @param text a valid JSON text whose value is an object
 */
export const memberText = (text: string, name: string): string | undefined => {
  let depth = 0
  let key: string | undefined
  let start: number | undefined
  let found: string | undefined
  for (const { 0: part, index } of text.matchAll(token)) {
    if (depth === 1 && start !== undefined && (part === "," || part === "}")) {
      if (key === name) found = text.slice(start, index).trim()
      start = undefined
    }
    if (part === "{" || part === "[") depth++
    else if (part === "}" || part === "]") depth--
    else if (depth === 1 && part === ":") start = index + 1
    else if (depth === 1 && start === undefined && part !== ",") key = JSON.parse(part)
  }
  return found
}

/** Whether objects and lists nest deeper than `levels`. What walks a JSON value does so by recursion, mostly. */
export const nestsDeeper = (text: string, levels: number): boolean => {
  let depth = 0
  for (const [part] of text.matchAll(token)) {
    if (part === "{" || part === "[") depth++
    else if (part === "}" || part === "]") depth--
    if (depth > levels) return true
  }
  return false
}
