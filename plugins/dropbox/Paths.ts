/** Paths in Dropbox, and names that it takes and that its users can have on their own machines. */
import { Schema } from "effect"

/** A name of one to 255 characters, neither `.` nor `..`, and without spaces or dots at its end. */
const segment = String.raw`/(?![ .])[^/\\\p{Cc}\p{Cs}<>:"|?*]{0,254}[^/\\\p{Cc}\p{Cs}<>:"|?* .]`

/** A folder: `/`, or `/Exports`, or `/Exports/Contacts`. */
export const Folder = Schema.String.check(
  Schema.isPattern(new RegExp(`^(?:/|(?:${segment})+)$`, "u"), {
    message: String.raw`Expected / or a folder such as /Exports, without any of \ < > : " | ? *, and without spaces or dots around its names`
  }),
  Schema.isMaxLength(1000, { message: "Expected at most 1000 characters" })
)

/** The path of a file in a folder. */
export const pathOf = (folder: string, name: string): string => `${folder === "/" ? "" : folder}/${safeName(name)}`

/** The folder that a path lies in, as `files/list_folder` calls it: the root is the empty text. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"))

export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Separators, what Windows refuses, and characters that nobody sees or that turn the text around. */
const unsafe = /[/\\<>:"|?*\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
/** At the start they hide a file or make it a temporary one, at the end Windows drops them. */
const around = /^[\s.~]+|[\s.]+$/gu
/** Names that Dropbox never syncs, and those of Windows' devices. */
const special = /^(?:desktop\.ini|thumbs\.db|(?:icon|con|prn|aux|nul|com\d|lpt\d)(?:\..*)?)$/i

/** UTF-8 bytes of a name. Dropbox takes 255 characters, Linux 255 bytes, and a number may have to be added. */
const longest = 240

/** A file name that Dropbox takes, and that is an ordinary one wherever the file is synced to. */
export const safeName = (name: string): string => {
  const clean = name.toWellFormed().normalize("NFC").replace(unsafe, "-").replace(around, "")
  const whole = clean === "" ? "file" : special.test(clean) ? `_${clean}` : clean
  return shortened(whole)
}

const encoder = new TextEncoder()
const bytesOf = (text: string) => encoder.encode(text).length

/** Cuts the name before its extension. */
const shortened = (name: string): string => {
  if (bytesOf(name) <= longest) return name
  const extension = /\.[^.]{1,16}$/u.exec(name)?.[0] ?? ""
  let stem = ""
  let left = longest - bytesOf(extension)
  for (const character of name.slice(0, name.length - extension.length)) {
    left -= bytesOf(character)
    if (left < 0) break
    stem += character
  }
  return `${stem.replace(/[\s.]+$/u, "")}${extension}`
}
