/** Bytes of a name: what file systems take that Drive is mirrored to. Drive itself names no limit. */
const longest = 255

/** What would be a path, can't be seen, or turns the direction of what follows, in the place that a file has. */
const unwanted = /[/\\\p{Cc}\p{Cs}\u2028\u2029\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]/gu
const around = /^[\s.]+|[\s.]+$/gu

/**
 * The name of a file in Drive. Drive takes any text; this one can also be shown, downloaded and mirrored to a computer
 * without becoming another one. The extension survives.
 */
export const fileName = (name: string): string => {
  const clean = name.normalize("NFC").replace(unwanted, "_").replace(around, "")
  const [extension = ""] = /\.[A-Za-z0-9]{1,16}$/.exec(clean) ?? []
  const stem = clean.slice(0, clean.length - extension.length)
  const kept = `${cut(stem, longest - extension.length).replace(around, "")}${extension}`
  return kept === "" ? "file" : kept
}

/** The most whole characters of a text that fit into so many bytes. */
const cut = (text: string, bytes: number): string => {
  const encoded = new TextEncoder().encode(text)
  return encoded.length <= bytes ? text : new TextDecoder().decode(encoded.subarray(0, bytes), { stream: true })
}
