import { IpNetwork, NetAddress } from "effect/net"
import { globalUnicastIpv6, specialIpv4, specialIpv6 } from "./SpecialRanges.ts"

const globalUnicast = IpNetwork.fromStringUnsafe(globalUnicastIpv6)
const special = [...specialIpv4, ...specialIpv6].map(IpNetwork.fromStringUnsafe)

/**
 * Whether an address is an ordinary one of the public internet: inside the space that is open for global unicast and in
 * none of the special-purpose blocks. IPv6 addresses that carry an IPv4 address (mapped, compatible, NAT64, 6to4,
 * Teredo) are never public, whatever they carry.
 */
export const isPublic = (address: NetAddress.IpAddress): boolean =>
  (NetAddress.isIpv4Address(address) || IpNetwork.contains(globalUnicast, address)) &&
  !special.some((network) => IpNetwork.contains(network, address))

/** Decides which addresses may be dialled: public ones by https, and those of the operator's allow list also by http. */
export class AddressGuard {
  readonly #allow: ReadonlyArray<IpNetwork.IpNetwork>

  constructor(allow: ReadonlyArray<IpNetwork.IpNetwork>) {
    this.#allow = allow
  }

  /** Whether the address may be dialled, in the clear or with TLS (`secure`). */
  permits(address: NetAddress.IpAddress, secure: boolean): boolean {
    return this.#allow.some((network) => IpNetwork.contains(network, address)) || (secure && isPublic(address))
  }

  /** Whether a request in the clear can be permitted at all. */
  get permitsClearText(): boolean {
    return this.#allow.length > 0
  }
}
