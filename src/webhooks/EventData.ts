/** Reads the data out of an event's body without changing what it says. */

declare global {
  interface JSON {
    /** A value that `JSON.stringify` writes as this very text (ECMAScript proposal "JSON.parse source text access"). */
    rawJSON(text: string): unknown
  }
}

/**
 * The `data` of a body. A number that JavaScript would spell otherwise (`1.0`, `1e2`, integers beyond 2^53) becomes a raw
 * JSON value, so it leaves the API as it came in: the same digits that the webhook got.
 *
 * @param body as fan-out puts it together: `{"event":…,"timestamp":…,"data":…}`
 */
export const dataOf = (body: string): unknown => {
  const marker = ',"data":'
  return JSON.parse(body.slice(body.indexOf(marker) + marker.length, -1), keepNumbers)
}

const keepNumbers = (_key: string, value: unknown, context?: { readonly source?: string }) => {
  const source = context?.source
  return typeof value === "number" && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value
}
