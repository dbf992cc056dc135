/** Takes the secrets of a connection out of what a provider said: some repeat the token that they refuse. */
import { Buffer } from "node:buffer"
import { Redacted } from "effect"

/** Puts dots in the place of the secrets of a connection, in all spellings that are met on the way to a provider. */
export type Scrub = (text: string) => string

/** @param credentials as the plugin's schema decodes them, secrets `Redacted` */
export const makeScrub = (credentials: unknown): Scrub => {
  const secrets = secretsOf(credentials).flatMap(spellings)
  return (text) => secrets.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, "••••"), text)
}

const secretsOf = (credentials: unknown): ReadonlyArray<string> =>
  typeof credentials === "object" && credentials !== null
    ? Object.values(credentials).flatMap((value) => {
        const secret: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : undefined
        return typeof secret === "string" && secret !== "" ? [secret] : []
      })
    : []

/** The longest first: where one spelling is part of another, the whole of it goes. */
const spellings = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret, "utf8")
  const encoded = [0, 1, 2].flatMap((offset) => base64At(bytes, offset))
  const others = [encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), bytes.toString("hex")]
  const all = new Set([secret, ...others, ...encoded, ...encoded.map(urlSafe)])
  return Array.from(all).sort((one, other) => other.length - one.length)
}

/**
 * What base64 makes of bytes that stand behind others, as a password does in Basic authentication: the characters that
 * depend on them alone. Of a short secret those are too few to be told from other text.
 */
const base64At = (bytes: Buffer, offset: number): ReadonlyArray<string> => {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString("base64")
    .replace(/=+$/, "")
  const before = Math.ceil((offset * 8) / 6)
  const whole = text.slice(before, Math.floor(((offset + bytes.length) * 8) / 6))
  return whole.length < 8 ? [] : [whole]
}

const urlSafe = (base64: string) => base64.replaceAll("+", "-").replaceAll("/", "_")
