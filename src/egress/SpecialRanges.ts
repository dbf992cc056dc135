/**
 * The address blocks that no request may be sent to, whatever name or spelling led there.
 *
 * Source: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, both as updated to RFC 9780, 2025), the
 * IANA multicast registries and RFC 1112 section 4 for the reserved space. Entries that the registries call globally
 * reachable (AS112, AMT, PCP anycast, ORCHID) are infrastructure and never a web server, so they are here as well:
 * a rule without exceptions is one that can be read.
 */
export const specialIpv4: ReadonlyArray<string> = [
  "0.0.0.0/8", // this network, RFC 791
  "10.0.0.0/8", // private use, RFC 1918
  "100.64.0.0/10", // shared address space, RFC 6598; some clouds' metadata (100.100.100.200)
  "127.0.0.0/8", // loopback, RFC 1122
  "168.63.129.16/32", // Azure's host agent: publicly numbered, reachable only from inside; not in the registry
  "169.254.0.0/16", // link local, RFC 3927; the clouds' metadata (169.254.169.254)
  "172.16.0.0/12", // private use, RFC 1918
  "192.0.0.0/24", // IETF protocol assignments, RFC 6890, with DS-Lite, PCP, TURN and NAT64 discovery within
  "192.0.2.0/24", // documentation TEST-NET-1, RFC 5737
  "192.31.196.0/24", // AS112-v4, RFC 7535
  "192.52.193.0/24", // AMT, RFC 7450
  "192.88.99.0/24", // 6to4 relay anycast, deprecated by RFC 7526
  "192.168.0.0/16", // private use, RFC 1918
  "192.175.48.0/24", // direct delegation AS112, RFC 7534
  "198.18.0.0/15", // benchmarking, RFC 2544
  "198.51.100.0/24", // documentation TEST-NET-2, RFC 5737
  "203.0.113.0/24", // documentation TEST-NET-3, RFC 5737
  "224.0.0.0/4", // multicast, RFC 5771
  "240.0.0.0/4" // reserved and limited broadcast, RFC 1112 and RFC 8190
]

/**
 * The only IPv6 space that IANA has opened for global unicast (RFC 4291 section 2.4). Whatever lies outside is refused
 * by lying outside: loopback and IPv4-compatible (`::/96`), IPv4-mapped (`::ffff:0:0/96`), IPv4-translated
 * (`::ffff:0:0:0/96`), NAT64 (`64:ff9b::/96`, `64:ff9b:1::/48`), discard-only and dummy (`100::/64`, `100:0:0:1::/64`),
 * SRv6 SIDs (`5f00::/16`), unique local (`fc00::/7`), link local (`fe80::/10`), site local (`fec0::/10`) and multicast
 * (`ff00::/8`).
 */
export const globalUnicastIpv6 = "2000::/3"

/** The special blocks inside of `globalUnicastIpv6`. */
export const specialIpv6: ReadonlyArray<string> = [
  "2001::/23", // IETF protocol assignments, RFC 2928: Teredo, benchmarking, AMT, AS112-v6, ORCHID, ORCHIDv2, DRIP
  "2001:db8::/32", // documentation, RFC 3849
  "2002::/16", // 6to4, RFC 3056: carries an IPv4 address
  "2620:4f:8000::/48", // direct delegation AS112, RFC 7534
  "3fff::/20" // documentation, RFC 9637
]
