import { Option, Result } from "effect"
import { NetAddress } from "effect/net"
import type { AddressGuard } from "./AddressGuard.ts"
import { badPorts } from "./BadPorts.ts"
import { ForbiddenUrl } from "./ForbiddenUrl.ts"

/** A URL taken apart and judged by everything that can be judged without asking DNS. */
export interface Target {
  /** Scheme, host and port as undici takes them: `https://example.com`, `http://[::1]:8080`. */
  readonly origin: string
  /** The host in the form that DNS and messages want: no brackets. */
  readonly host: string
  /** Whether the host is an address, which the guard then has permitted already. */
  readonly literal: boolean
  readonly secure: boolean
  /** Path and query, always with a leading slash. */
  readonly path: string
}

/** Names that mean this machine whatever a resolver says (RFC 6761 section 6.3), with and without the root dot. */
const isLocalhost = (host: string): boolean => /(^|\.)(localhost|localhost\.localdomain)\.?$/.test(host)

const addressOf = (host: string): Option.Option<NetAddress.IpAddress> =>
  isLocalhost(host) ? Option.some(NetAddress.ipv4Loopback) : Result.getSuccess(NetAddress.ipFromString(host))

const refuse = (reason: ForbiddenUrl["reason"]) => Result.fail(new ForbiddenUrl({ reason }))

/**
 * Parses a URL by the WHATWG standard, the one by which it is dialled later. That parser gives every spelling of an
 * address (decimal, octal, hexadecimal, shortened, full-width digits and dots, percent-encoded) one canonical form, so
 * the guard sees what the socket would.
 */
export const parseTarget = (url: string, guard: AddressGuard): Result.Result<Target, ForbiddenUrl> => {
  const parsed = URL.parse(url)
  if (parsed === null) return refuse("unparsable")
  const secure = parsed.protocol === "https:"
  if (!secure && (parsed.protocol !== "http:" || !guard.permitsClearText)) return refuse("scheme")
  if (parsed.username !== "" || parsed.password !== "") return refuse("userinfo")
  if (badPorts.has(Number(parsed.port || 443))) return refuse("port")

  const host = parsed.hostname.startsWith("[") ? parsed.hostname.slice(1, -1) : parsed.hostname
  const address = addressOf(host)
  // A refusal in the clear is always about the scheme, so that http:// can't tell what a name resolves to.
  if (Option.isSome(address) && !guard.permits(address.value, secure)) return refuse(secure ? "address" : "scheme")
  return Result.succeed({
    origin: parsed.origin,
    host,
    literal: Option.isSome(address) && !isLocalhost(host),
    secure,
    path: parsed.pathname + parsed.search
  })
}
