import { Effect, Result } from "effect"
import type { Dns, NetAddress } from "effect/net"

const stuck: ReadonlySet<Dns.DnsErrorReason> = new Set(["Timeout", "ServerFailure", "Temporary"])

/**
 * Finds every address of a name by DNS queries, and by the operating system's resolver (hosts file, search list, mDNS)
 * what DNS says nothing about. Queries come first because they wait on a socket, while the system's resolver holds one
 * of libuv's four threads for as long as it waits: four names whose name server hangs would stop every other lookup,
 * and file access with them. So a name that DNS is stuck on does not get to the system's resolver at all. A name without
 * a dot is none of DNS's business and goes there directly.
 */
export const addressesOf = Effect.fnUntraced(function* (dns: Dns.Dns["Service"], host: string) {
  if (!host.replace(/\.$/, "").includes(".")) return yield* dns.lookup(host)
  const answers: ReadonlyArray<Result.Result<ReadonlyArray<Dns.A | Dns.Aaaa>, Dns.DnsError>> = yield* Effect.all(
    [Effect.result(dns.resolve(host, "A")), Effect.result(dns.resolve(host, "AAAA"))],
    { concurrency: "unbounded" }
  )
  const found: ReadonlyArray<NetAddress.IpAddress> = answers
    .flatMap((answer) => (Result.isSuccess(answer) ? answer.success : []))
    .map((record) => record.address)
  if (found.length > 0) return found
  for (const answer of answers) {
    if (Result.isFailure(answer) && stuck.has(answer.failure.reason)) return yield* answer.failure
  }
  return yield* dns.lookup(host)
})
