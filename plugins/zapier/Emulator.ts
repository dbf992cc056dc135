/** Zapier's hooks on loopback: whatever is posted is caught, and the answer never tells whether a Zap listened. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, type Emulator, json } from "nexus-integrations/plugin/testing"

/** Something that arrived at a hook. */
export interface Catch {
  readonly path: string
  readonly method: string
  /** JSON as its value, a form (or a query, for GET) as an object, anything else as it came. */
  readonly payload: unknown
  /** How many times the Zap ran for it: once, or once for each element of a list; never while the Zap is off. */
  readonly runs: number
}

export interface ZapierEmulator extends Emulator {
  /** All that arrived, the oldest first. Zapier sees no duplicates: the same event sent twice is here twice. */
  catches(): ReadonlyArray<Catch>
}

const mebibyte = 1024 * 1024
const fiveMinutes = 300_000
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))
const hook = /^\/hooks\/catch\/(?:(\d+)\/)?[A-Za-z0-9_,-]+(\/silent)?\/?$/

const tooMany: EmulatedAnswer = json(429, { status: "error", message: "Too many requests" })

const payloadOf = ({ method, headers, query, body }: EmulatedRequest): unknown => {
  if (method === "GET") return Object.fromEntries(query)
  const type = headers["content-type"] ?? ""
  if (type.includes("x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(body))
  return Option.getOrElse(decodeJson(body), () => body)
}

/**
 * A new Zapier, which knows every hook.
 *
 * @param lists what a JSON list at the top does: a run for each element, or a single one. Both have been seen.
 */
export const ZapierEmulator = (lists: "each" | "once" = "each"): ZapierEmulator => {
  const caught: Array<Catch> = []
  /** When requests came, by hook and by user, in milliseconds. */
  const arrivals = new Map<string, Array<number>>()
  let isOff = false

  const count = (key: string, now: number, window: number): number => {
    const recent = [...(arrivals.get(key) ?? []).filter((then) => then > now - window), now]
    arrivals.set(key, recent)
    return recent.length
  }

  const answer = (request: EmulatedRequest): EmulatedAnswer => {
    const { method, path, body, now } = request
    const match = hook.exec(path)
    if (request.host !== "hooks.zapier.com" && !request.host.startsWith("127.0.0.1")) return { status: 421 }
    if (match === null) return { status: 404, body: "<html>Not found</html>", headers: { "content-type": "text/html" } }
    if (!["POST", "PUT", "GET"].includes(method)) return { status: 405 }
    if (body.length > 10 * mebibyte) return { status: 413 }
    const [, user, silent] = match
    const isTooMany =
      count(`hook ${path}`, now, 1000) > 30 ||
      (user === undefined
        ? count(`legacy ${path}`, now, fiveMinutes) > 1000
        : count(`user ${user}`, now, fiveMinutes) > 10_000)
    if (isTooMany) return tooMany

    const payload = payloadOf(request)
    const runs = isOff ? 0 : Array.isArray(payload) && lists === "each" ? payload.length : 1
    caught.push({ path, method, payload, runs })
    if (silent !== undefined) return { status: 200 }
    const id = `01890000-0000-7000-8000-${String(caught.length).padStart(12, "0")}`
    return json(200, { status: "success", id, request_id: id, attempt: id })
  }

  return {
    hosts: ["hooks"],
    credentials: { webhookUrl: "https://hooks.zapier.com/hooks/catch/123456/emulator/" },
    answer,
    failures: {
      throttled: tooMany,
      unavailable: { status: 503, body: "<html>Unavailable</html>", headers: { "content-type": "text/html" } },
      // No answer of Zapier's means this; a hook is caught whatever became of its Zap.
      unauthorized: json(200, { status: "success" })
    },
    // Turning the Zap off is all that its user can do, and the answers stay the same.
    revokeAccess: (revoked) => {
      isOff = revoked
    },
    revocations: () => 0,
    catches: () => caught
  }
}
