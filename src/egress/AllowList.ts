import { Config, Result, Schema } from "effect"
import { IpNetwork } from "effect/net"

const split = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")

const faults = (text: string): ReadonlyArray<string> =>
  split(text).flatMap((part) => {
    const network = IpNetwork.fromString(part)
    return Result.isSuccess(network)
      ? []
      : [`has "${part}", which is not a network such as 10.1.0.0/16 (${network.failure.message})`]
  })

const Networks = Schema.String.check(
  Schema.makeFilter((text) => {
    const found = faults(text)
    return found.length === 0 || found.join("; ")
  })
)

/**
 * `NEXUS_EGRESS_ALLOW`: networks in CIDR notation, separated by commas, that may be reached beside public addresses,
 * also by http. Empty by default; a part that is not a network is a `ConfigError` that names it. Addresses are held
 * against it as they are written: `10.0.0.0/8` says nothing about `::ffff:10.0.0.1`, and a network that reaches IPv4
 * through NAT64 has to name `64:ff9b::/96`, with all the private addresses that its gateway passes on.
 */
export const allowList: Config.Config<ReadonlyArray<IpNetwork.IpNetwork>> = Config.schema(
  Networks,
  "NEXUS_EGRESS_ALLOW"
).pipe(
  Config.withDefault(""),
  Config.map((text) => split(text).map(IpNetwork.fromStringUnsafe))
)

/** This machine's loopback addresses, which may be reached in development. */
export const loopback: ReadonlyArray<IpNetwork.IpNetwork> = ["127.0.0.0/8", "::1/128"].map(IpNetwork.fromStringUnsafe)
