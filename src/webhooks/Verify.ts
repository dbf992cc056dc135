/**
 * Verifies that a webhook request came from Nexus Integrations: `import { verify } from "nexus-integrations/verify"`.
 *
 * Depends on nothing but Web Crypto, so it runs in Node, Deno, Bun, browsers and on edge runtimes. That makes it
 * asynchronous; in return the comparison is `crypto.subtle.verify`, which all of them do in constant time.
 */
import { standardKey } from "./StandardKey.ts"

/** A request as it arrived. */
export interface VerifyRequest {
  /** The body exactly as received. A parsed and serialised copy has other bytes, so it never verifies. */
  readonly body: string | Uint8Array
  /** The request's headers in either common shape; names in any case. */
  readonly headers: Headers | Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  /** The webhook's secret as it was shown on creation, or several of which any may have signed. */
  readonly secret: string | ReadonlyArray<string>
  /** How many seconds `webhook-timestamp` may lie in the past or the future. Default 300. */
  readonly tolerance?: number
  /** The time in milliseconds since 1970. Default: now. */
  readonly now?: number
  /**
   * Refuses requests without the Standard Webhooks headers. Every request of ours has them, and only they prove when
   * it was sent: without this, whoever recorded a request can strip them and send it again later. Default `false`.
   */
  readonly standardOnly?: boolean
}

/** Why a request is refused; `message` says the same in words. */
export type RefusedReason =
  | "no-secret"
  | "body-not-raw"
  | "no-signature"
  | "missing-header"
  | "wrong-time"
  | "wrong-signature"
  | "not-an-event"

/** The answer of {@link verify}: the event, or why there is none. */
export type Verified =
  | {
      readonly ok: true
      /** The event's id, the same for every attempt: dedupe by it. `null` when only `X-Webhook-Signature` came. */
      readonly id: string | null
      /** The event's type, for example `CONTACT_CREATED`. */
      readonly event: string
      /** When the event happened, ISO 8601 in UTC. */
      readonly timestamp: string
      /** The event's data, as its type describes. */
      readonly data: unknown
    }
  | { readonly ok: false; readonly reason: RefusedReason; readonly message: string }

/**
 * Verifies a request in constant time and reads its event. Never throws, whatever body and headers hold.
 *
 * The Standard Webhooks form (`webhook-id`, `webhook-timestamp`, `webhook-signature`) decides when it is there,
 * because it carries the time of sending; otherwise `X-Webhook-Signature` does. During a rotation the request is
 * signed with both secrets, so either verifies.
 *
 * @example
 * ```ts
 * const result = await verify({ body: await request.text(), headers: request.headers, secret })
 * if (!result.ok) return new Response(result.message, { status: 401 })
 * console.log(result.id, result.event, result.data)
 * ```
 */
export const verify = async (request: VerifyRequest): Promise<Verified> => {
  const secrets = [request.secret].flat().filter((secret) => typeof secret === "string" && secret !== "")
  if (secrets.length === 0) return refuse("no-secret", "No webhook secret is configured")
  const body = bodyBytes(request.body)
  if (body === undefined) return refuse("body-not-raw", "Pass the body as received, before any JSON parser")

  const header = (name: string) => headerOf(request.headers, name)
  const standard = header("webhook-signature")
  const hex = request.standardOnly ? undefined : header("x-webhook-signature")
  if (standard === undefined && hex === undefined) return refuse("no-signature", "The request carries no signature")
  if (standard === undefined) {
    const valid = await anyMatches(secrets.map(utf8), [fromHex(hex)], body)
    return valid ? readEvent(null, body) : wrongSignature
  }

  const id = header("webhook-id")
  const timestamp = header("webhook-timestamp")
  if (!id || !timestamp) return refuse("missing-header", "webhook-id or webhook-timestamp is missing")
  const age = (request.now ?? Date.now()) / 1000 - Number(timestamp)
  if (!/^\d{1,12}$/.test(timestamp) || !(Math.abs(age) <= (request.tolerance ?? 300))) {
    return refuse("wrong-time", "webhook-timestamp is too far from this machine's clock")
  }
  const valid = await anyMatches(
    secrets.map(standardKey),
    standard.split(" ").slice(0, maxSignatures).map(fromVersioned),
    concat(utf8(`${id}.${timestamp}.`), body)
  )
  return valid ? readEvent(id, body) : wrongSignature
}

/** Ours has two at most; a header full of them must not cost a computation each. */
const maxSignatures = 8

type Bytes = Uint8Array<ArrayBuffer>

const refuse = (reason: RefusedReason, message: string): Verified => ({ ok: false, reason, message })

const wrongSignature = refuse("wrong-signature", "No signature matches: another secret, or the body was changed")

const utf8 = (text: string): Bytes => new TextEncoder().encode(text)

/** Undefined for what callers without types pass: an object that a JSON middleware made. */
const bodyBytes = (body: unknown): Bytes | undefined =>
  typeof body === "string" ? utf8(body) : body instanceof Uint8Array ? Uint8Array.from(body) : undefined

const concat = (head: Bytes, tail: Bytes): Bytes => {
  const whole = new Uint8Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  return whole
}

/** By its method, not `instanceof`: several implementations of `Headers` live side by side in one Node process. */
const isHeaders = (headers: VerifyRequest["headers"]): headers is Headers => typeof headers.get === "function"

const headerOf = (headers: VerifyRequest["headers"], name: string): string | undefined => {
  if (isHeaders(headers)) return headers.get(name) ?? undefined
  const key = Object.keys(headers).find((key) => key.toLowerCase() === name)
  const value = key === undefined ? undefined : headers[key]
  return Array.isArray(value) ? value.join(", ") : typeof value === "string" ? value : undefined
}

const fromHex = (text: string | undefined): Bytes | undefined =>
  text !== undefined && /^[0-9a-f]{64}$/i.test(text)
    ? Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
    : undefined

const fromVersioned = (text: string): Bytes | undefined => {
  const encoded = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(text)?.[1]
  return encoded === undefined ? undefined : Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
}

const anyMatches = async (
  keys: ReadonlyArray<Bytes>,
  signatures: ReadonlyArray<Bytes | undefined>,
  signed: Bytes
): Promise<boolean> => {
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  for (const bytes of keys) {
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"])
    for (const signature of signatures) {
      if (signature !== undefined && (await crypto.subtle.verify(algorithm, key, signature, signed))) return true
    }
  }
  return false
}

const readEvent = (id: string | null, body: Bytes): Verified => {
  try {
    const { event, timestamp, data } = JSON.parse(new TextDecoder().decode(body))
    if (typeof event === "string" && typeof timestamp === "string") return { ok: true, id, event, timestamp, data }
  } catch {
    // Signed, yet not JSON: fall through to the same refusal as JSON of another shape.
  }
  return refuse("not-an-event", "The signature is right, but the body is not an event")
}
