import type { OAuthStateRow } from "./OAuthStateRepo.ts"

/** The place of an attempt's PKCE verifier in the vault. */
export const verifierPlace = ({ id, userId, provider }: Pick<OAuthStateRow, "id" | "userId" | "provider">) => ({
  table: "oauth_state",
  row: id,
  user: userId,
  provider,
  field: "verifier"
})
