import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Dns, NetAddress } from "effect/net"
import { addressesOf } from "../../src/egress/Addresses.ts"

const v4 = NetAddress.ipv4FromBytesUnsafe(Uint8Array.of(1, 1, 1, 1))
const v6 = NetAddress.ipv6Loopback
const fromSystem = NetAddress.ipv4Loopback

const failed = (reason: Dns.DnsErrorReason) => new Dns.DnsError({ reason, method: "resolve", hostname: "a.test" })

/** DNS with given answers to queries; what the system's resolver was asked stands in `asked`. */
const make = (answers: { readonly A: Answer; readonly AAAA: Answer }) => {
  const asked: Array<string> = []
  const dns = Dns.make({
    lookup: (host) =>
      Effect.sync(() => {
        asked.push(host)
        return [fromSystem]
      }),
    resolve: (_, type) => (type === "A" ? answers.A : answers.AAAA)
  })
  return { asked, dns }
}
type Answer = Effect.Effect<ReadonlyArray<Dns.DnsRecord>, Dns.DnsError>

const A: Answer = Effect.succeed([Dns.makeRecordUnsafe("A", { address: v4 })])
const AAAA: Answer = Effect.succeed([Dns.makeRecordUnsafe("AAAA", { address: v6 })])
const none: Answer = Effect.fail(failed("NotFound"))

describe("addressesOf", () => {
  it.effect("gathers the addresses of both families, so that the guard sees them all", () =>
    Effect.gen(function* () {
      const { asked, dns } = make({ A, AAAA })
      assert.deepStrictEqual(yield* addressesOf(dns, "a.test"), [v4, v6])
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("is content with one family", () =>
    Effect.gen(function* () {
      const { dns } = make({ A: Effect.fail(failed("Timeout")), AAAA })
      assert.deepStrictEqual(yield* addressesOf(dns, "a.test"), [v6])
    })
  )

  it.effect("asks the system for names that DNS does not know, and for those without a dot", () =>
    Effect.gen(function* () {
      const unknown = make({ A: none, AAAA: none })
      assert.deepStrictEqual(yield* addressesOf(unknown.dns, "hosts-file.test"), [fromSystem])
      const known = make({ A, AAAA })
      assert.deepStrictEqual(yield* addressesOf(known.dns, "intranet"), [fromSystem])
      assert.deepStrictEqual(yield* addressesOf(known.dns, "localhost."), [fromSystem])
    })
  )

  it.effect("keeps names that DNS is stuck on away from the system's few threads", () =>
    Effect.gen(function* () {
      for (const reason of ["Timeout", "ServerFailure"] as const) {
        const { asked, dns } = make({ A: none, AAAA: Effect.fail(failed(reason)) })
        assert.strictEqual((yield* Effect.flip(addressesOf(dns, "a.test"))).reason, reason)
        assert.deepStrictEqual(asked, [])
      }
    })
  )
})
