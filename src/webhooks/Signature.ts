/**
 * Signs deliveries in both forms: the documented `X-Webhook-Signature` and the Standard Webhooks `webhook-signature`.
 *
 * This is on the path of every delivery. Two signatures cost 3 us together on Node 24; the same with keys given as
 * strings 11 us, as buffers 20 us. So a secret becomes two `KeyObject`s once per webhook, not once per delivery.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto"
import { Effect, Redacted } from "effect"
import { standardKey } from "./StandardKey.ts"

/** A webhook's secret, prepared for signing. Opaque: neither printing nor JSON shows the key. */
export interface SigningKey {
  /** The whole secret string, as the product documentation's verification snippet uses it. */
  readonly whole: KeyObject
  /** The key of the Standard Webhooks form: {@link standardKey}. */
  readonly standard: KeyObject
}

/** The keys that sign for a webhook: `previous` is there while a rotated secret still counts. */
export interface SigningKeys {
  readonly current: SigningKey
  readonly previous?: SigningKey | undefined
}

/** The two signature headers of a delivery, named in lower case as they are sent. */
export interface SignatureHeaders {
  readonly "x-webhook-signature": string
  readonly "webhook-signature": string
}

/** Prepares a secret for {@link sign}. Make it once per webhook and keep it. An empty secret is a bug and throws. */
export const signingKey = (secret: Redacted.Redacted<string>): SigningKey => {
  const text = Redacted.value(secret)
  if (text === "") throw new Error("A webhook secret is empty: its signatures could be made by anyone")
  return { whole: createSecretKey(text, "utf8"), standard: createSecretKey(standardKey(text)) }
}

/**
 * Signs one attempt.
 *
 * - `x-webhook-signature`: hex HMAC-SHA256 of the body, keyed with the whole secret string. It has room for one
 *   signature, so during an overlap it is made with the old secret: consumers that know only that one keep working.
 * - `webhook-signature`: `v1,<base64>` of `${eventId}.${timestamp}.${body}`, one for each secret, the new one first.
 *
 * @param eventId what `webhook-id` carries; the same for every attempt
 * @param timestamp unix seconds of this attempt, what `webhook-timestamp` carries
 * @param body exactly what is sent; bytes spare the encoding when they are at hand
 */
export const sign = (
  keys: SigningKeys,
  eventId: string,
  timestamp: number,
  body: string | Uint8Array
): SignatureHeaders => {
  const signed = `${eventId}.${timestamp}.`
  const current = standardSignature(keys.current, signed, body)
  return {
    "x-webhook-signature": createHmac("sha256", (keys.previous ?? keys.current).whole)
      .update(body)
      .digest("hex"),
    "webhook-signature": keys.previous ? `${current} ${standardSignature(keys.previous, signed, body)}` : current
  }
}

const standardSignature = (key: SigningKey, signed: string, body: string | Uint8Array) =>
  `v1,${createHmac("sha256", key.standard).update(signed).update(body).digest("base64")}`

/** A new webhook secret: `whsec_` and the base64 of 32 random bytes, the form that Standard Webhooks asks for. */
export const newSecret: Effect.Effect<Redacted.Redacted<string>> = Effect.sync(() =>
  Redacted.make(`whsec_${randomBytes(32).toString("base64")}`, { label: "webhook secret" })
)
