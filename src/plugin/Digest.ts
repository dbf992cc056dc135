import { createHash } from "node:crypto"

/**
 * The digest of bytes, or of a text's UTF-8, in lower-case hexadecimal, for providers that name or check things by one.
 * MD5 and SHA-1 protect nothing.
 */
export const digest = (algorithm: "md5" | "sha1" | "sha256", content: string | Uint8Array): string =>
  createHash(algorithm).update(content).digest("hex")
