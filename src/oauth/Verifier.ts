/** The PKCE verifier of an attempt (RFC 7636). */
import { createHash } from "node:crypto"
import { Redacted } from "effect"
import type { OAuthStateRow } from "./OAuthStateRepo.ts"

/** What the provider is told of a verifier, by the method `S256` (RFC 7636, section 4.2). */
export const challengeOf = (verifier: Redacted.Redacted<string>): string =>
  createHash("sha256").update(Redacted.value(verifier)).digest("base64url")

/** The place of a verifier in the vault. */
export const verifierPlace = ({ id, userId, provider }: Pick<OAuthStateRow, "id" | "userId" | "provider">) => ({
  table: "oauth_state",
  row: id,
  user: userId,
  provider,
  field: "verifier"
})
