import { createHash } from "node:crypto"

/**
 * The digest of a text's UTF-8 bytes, in lower-case hexadecimal, for providers that name things by one. MD5 and SHA-1
 * protect nothing.
 */
export const digest = (algorithm: "md5" | "sha1" | "sha256", text: string): string =>
  createHash(algorithm).update(text, "utf8").digest("hex")
