/** Secrets that this service gives to browsers and providers, to know them again when they come back. */
import { createHash } from "node:crypto"
import { Crypto, Effect, Redacted } from "effect"
import { Base64Url } from "effect/encoding"

/** 256 random bits as base64url: 43 characters, which is what RFC 7636, section 4.1 recommends of a verifier too. */
export const makeRandomToken = Effect.map(
  Crypto.Crypto,
  (crypto): Effect.Effect<Redacted.Redacted<string>> =>
    crypto.randomBytes(32).pipe(
      Effect.map((bytes) => Redacted.make(Base64Url.encode(bytes))),
      Effect.orDie
    )
)

/** What is kept of a token: its SHA-256. As the token is random, nothing leads back from there. */
export const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex")
