/** A part of a body of several (RFC 2046, section 5.1). */
export interface Part {
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** The parts of a `multipart/related` body; undefined when it is none, or not ended. */
export const partsOf = (contentType: string, bytes: Uint8Array): ReadonlyArray<Part> | undefined => {
  const [, boundary] = /^multipart\/related;\s*boundary="?([^";]+)"?/i.exec(contentType) ?? []
  // A character for each byte, so that places in the text are places in the bytes.
  const text = new TextDecoder("latin1").decode(bytes)
  const first = `--${boundary}\r\n`
  const end = text.lastIndexOf(`\r\n--${boundary}--`)
  if (boundary === undefined || !text.startsWith(first) || end < 0) return undefined
  const parts: Array<Part> = []
  for (let from = first.length; from <= end; ) {
    const next = text.indexOf(`\r\n--${boundary}\r\n`, from)
    const to = next < 0 ? end : next
    const head = text.indexOf("\r\n\r\n", from)
    if (head < 0 || head + 4 > to + 2) return undefined
    const [, type = ""] = /^content-type:\s*(.+)$/im.exec(text.slice(from, head)) ?? []
    parts.push({ contentType: type.trim(), bytes: bytes.subarray(head + 4, Math.max(to, head + 4)) })
    from = to + first.length + 2
  }
  return parts
}
