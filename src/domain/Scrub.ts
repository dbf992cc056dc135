/** Takes secrets out of what the other side said: some repeat the token or the address that they refuse. */
import { Base64, Hex } from "effect/encoding"

/** Puts dots in the place of secrets, in all spellings that are met on the way there and back. */
export type Scrub = (text: string) => string

export const makeScrub = (secrets: ReadonlyArray<string>): Scrub => {
  const all = secrets.filter((secret) => secret !== "").flatMap(spellings)
  return (text) => all.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, "••••"), text)
}

/** The longest first: where one spelling is part of another, the whole of it goes. */
const spellings = (secret: string): ReadonlyArray<string> => {
  const bytes = new TextEncoder().encode(secret)
  const encoded = [0, 1, 2].flatMap((offset) => base64At(bytes, offset))
  const others = [encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), Hex.encode(bytes)]
  const all = new Set([secret, ...others, ...encoded, ...encoded.map(urlSafe)])
  return Array.from(all).sort((one, other) => other.length - one.length)
}

/**
 * What base64 makes of bytes that stand behind others, as a password does in Basic authentication: the characters that
 * depend on them alone. Of a short secret those are too few to be told from other text.
 */
const base64At = (bytes: Uint8Array, offset: number): ReadonlyArray<string> => {
  const text = Base64.encode(Uint8Array.of(...Array<number>(offset).fill(0), ...bytes)).replace(/=+$/, "")
  const before = Math.ceil((offset * 8) / 6)
  const whole = text.slice(before, Math.floor(((offset + bytes.length) * 8) / 6))
  return whole.length < 8 ? [] : [whole]
}

const urlSafe = (base64: string) => base64.replaceAll("+", "-").replaceAll("/", "_")
