/** Standard base64 with its padding, at least one byte: what the libraries of every language decode alike. */
const base64 = /^(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The HMAC key that a webhook secret stands for in the Standard Webhooks form: the decoded part after `whsec_`.
 * A secret of any other form (imported from an older system) is taken as its UTF-8 bytes, whole.
 *
 * Free of imports, because the package entry `nexus-integrations/verify` runs it in browsers and on edge runtimes.
 *
 * Source: Standard Webhooks, "Signature scheme" (github.com/standard-webhooks/standard-webhooks, spec).
 */
export const standardKey = (secret: string): Uint8Array<ArrayBuffer> => {
  const encoded = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : ""
  return base64.test(encoded)
    ? Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
    : new TextEncoder().encode(secret)
}
