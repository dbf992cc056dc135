/** Takes secrets out of what the other side said: some repeat the token or the address that they refuse. */
import { Base64, Hex } from "effect/encoding"

/** Puts dots in the place of secrets, in all forms that are met on the way there and back. */
export type Scrub = (text: string) => string

export const makeScrub = (secrets: ReadonlyArray<string>): Scrub => {
  const forms = secrets.flatMap(secretForms)
  return (text) => forms.reduce((scrubbed, form) => scrubbed.replaceAll(form, "••••"), text)
}

/** A piece of base64 that is shorter than this could be in any text. */
const shortestPiece = 8

/**
 * The ways in which a secret can stand in a text, the longest first: as it is, percent-encoded, as a form's value, with
 * JSON's escapes, in hexadecimal, and inside of a longer text in base64, such as a header of basic authentication.
 */
export const secretForms = (secret: string): ReadonlyArray<string> => {
  if (secret === "") return []
  const percent = encodeURIComponent(secret)
  const pieces = [0, 1, 2].flatMap((before) => {
    const piece = base64Piece(secret, before)
    return [piece, piece.replaceAll("+", "-").replaceAll("/", "_")]
  })
  const forms = [
    secret,
    percent,
    percent.replaceAll("%20", "+"),
    JSON.stringify(secret).slice(1, -1),
    Hex.encode(secret),
    ...pieces.filter(({ length }) => length >= shortestPiece)
  ]
  return Array.from(new Set(forms)).sort((a, b) => b.length - a.length)
}

/** The characters that depend on the secret alone, when so many bytes (modulo 3) come before it. */
const base64Piece = (secret: string, before: number): string => {
  const bytes = new Uint8Array([...new Uint8Array(before), ...new TextEncoder().encode(secret)])
  return Base64.encode(bytes).slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6))
}
