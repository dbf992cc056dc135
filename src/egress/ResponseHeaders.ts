/** Headers as undici hands them over. */
export type RawHeaders = Readonly<Record<string, string | Array<string> | undefined>>

const maxCount = 64
const maxBytes = 8 * 1024

/**
 * The answer's headers as one string each, names in lower case, repeated ones joined by a comma (RFC 9110 section 5.3).
 * Kept are the first 64 and no more than 8 KiB of names and values: a history row is no place for an attacker's data.
 */
export const keepHeaders = (headers: RawHeaders): Readonly<Record<string, string>> => {
  const kept: Record<string, string> = {}
  let count = 0
  let bytes = 0
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    const text = typeof value === "string" ? value : value.join(", ")
    count += 1
    bytes += name.length + text.length
    if (count > maxCount || bytes > maxBytes) break
    kept[name] = text
  }
  return kept
}
