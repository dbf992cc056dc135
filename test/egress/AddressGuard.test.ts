import { assert, describe, it } from "@effect/vitest"
import { IpNetwork, NetAddress } from "effect/net"
import fc from "fast-check"
import { AddressGuard, isPublic } from "../../src/egress/AddressGuard.ts"

const ip = NetAddress.ipFromStringUnsafe

/** First and last address of every block of IANA's registries as of 2025, multicast and class E, typed in by hand. */
const special: ReadonlyArray<readonly [first: string, last: string]> = [
  ["0.0.0.0", "0.255.255.255"],
  ["10.0.0.0", "10.255.255.255"],
  ["100.64.0.0", "100.127.255.255"],
  ["127.0.0.0", "127.255.255.255"],
  ["168.63.129.16", "168.63.129.16"],
  ["169.254.0.0", "169.254.255.255"],
  ["172.16.0.0", "172.31.255.255"],
  ["192.0.0.0", "192.0.0.255"],
  ["192.0.2.0", "192.0.2.255"],
  ["192.31.196.0", "192.31.196.255"],
  ["192.52.193.0", "192.52.193.255"],
  ["192.88.99.0", "192.88.99.255"],
  ["192.168.0.0", "192.168.255.255"],
  ["192.175.48.0", "192.175.48.255"],
  ["198.18.0.0", "198.19.255.255"],
  ["198.51.100.0", "198.51.100.255"],
  ["203.0.113.0", "203.0.113.255"],
  ["224.0.0.0", "239.255.255.255"],
  ["240.0.0.0", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["::7f00:1", "::a9fe:a9fe"],
  ["::ffff:0:0", "::ffff:255.255.255.255"],
  ["::ffff:8.8.8.8", "::ffff:127.0.0.1"],
  ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
  ["64:ff9b::", "64:ff9b::255.255.255.255"],
  ["64:ff9b::8.8.8.8", "64:ff9b::169.254.169.254"],
  ["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
  ["100::", "100::ffff:ffff:ffff:ffff"],
  ["100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"],
  ["2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:1::1", "2001:1::3"],
  ["2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"],
  ["2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff"],
  ["2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:1ff:ffff::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2002:7f00:1::", "2002:a9fe:a9fe::"],
  ["2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"],
  ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["4000::", "5eff::"],
  ["5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["fd00:ec2::254", "fd20:ce::254"],
  ["fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
]

/** The neighbours on either side of the blocks, and well-known hosts. */
const publicAddresses = [
  ...["1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"],
  ...["126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0"],
  ...["172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0"],
  ...["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0"],
  ...["223.255.255.255", "2000::", "2001:200::", "2001:4860:4860::8888", "2001:db7:ffff::", "2001:db9::"],
  ...["2003::", "2606:4700:4700::1111", "2620:4f:7fff::", "2620:4f:8001::", "3ffe:ffff::", "3fff:1000::"]
]

describe("AddressGuard", () => {
  it.each(special)("refuses %s to %s", (first, last) => {
    assert.isFalse(isPublic(ip(first)))
    assert.isFalse(isPublic(ip(last)))
  })

  it.each(publicAddresses)("lets %s pass", (address) => {
    assert.isTrue(isPublic(ip(address)))
  })

  it("never lets an IPv6 address pass for the IPv4 address that it carries", () => {
    const carriers = [
      (v4: string) => `::${v4}`,
      (v4: string) => `::ffff:${v4}`,
      (v4: string) => `::ffff:0:${v4}`,
      (v4: string) => `64:ff9b::${v4}`,
      (v4: string) => `64:ff9b:1::${v4}`,
      (v4: string) => `2001::${v4}`
    ]
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom(...carriers), (v4, carry) => {
        assert.isFalse(isPublic(ip(carry(v4))))
      })
    )
  })

  it("permits public addresses with TLS only", () => {
    const guard = new AddressGuard([])
    assert.isTrue(guard.permits(ip("1.1.1.1"), true))
    assert.isFalse(guard.permits(ip("1.1.1.1"), false))
    assert.isFalse(guard.permits(ip("10.0.0.1"), true))
  })

  it("permits what the operator allows also in the clear, and nothing beside it", () => {
    const guard = new AddressGuard(["10.1.0.0/16", "fd00::/8"].map(IpNetwork.fromStringUnsafe))
    for (const address of ["10.1.0.0", "10.1.255.255", "fd12::1"]) {
      assert.isTrue(guard.permits(ip(address), true), address)
      assert.isTrue(guard.permits(ip(address), false), address)
    }
    for (const address of ["10.0.255.255", "10.2.0.0", "fc00::1", "::ffff:10.1.0.1", "64:ff9b::10.1.0.1"]) {
      assert.isFalse(guard.permits(ip(address), true), address)
    }
  })
})
