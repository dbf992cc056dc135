/** Characters of a name that are kept, its ending among them; the shortest limit of a file system is 255 bytes. */
const longest = 120

/**
 * A name that every file system and provider takes, as close to `wanted` as can be: no path, no control characters, no
 * characters that turn text around or can't be seen, none that Windows refuses, no dots or spaces at its ends, and none
 * of the names that Windows keeps for devices. `file` where nothing is left.
 */
export const fileName = (wanted: string): string => {
  const plain = wanted
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/gu, "")
    .replace(/[\\/:*?"<>|]/g, "-")
    .replace(/^[.\s]+|[.\s]+$/g, "")
  const [, stem = plain, ending = ""] = /^(.+?)(\.[\p{L}\p{N}]{1,10})?$/u.exec(plain) ?? []
  const cut = Array.from(stem)
    .slice(0, longest - ending.length)
    .join("")
    .trimEnd()
  const name = `${cut}${ending}`
  if (name === "") return "file"
  return /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name) ? `_${name}` : name
}
