import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { IpNetwork } from "effect/net"
import fc from "fast-check"
import { AddressGuard } from "../../src/egress/AddressGuard.ts"
import { parseTarget } from "../../src/egress/Target.ts"

const strict = new AddressGuard([])
const open = new AddressGuard(["127.0.0.0/8", "::1/128"].map(IpNetwork.fromStringUnsafe))

const refusal = (url: string, guard = strict) => {
  const parsed = parseTarget(url, guard)
  return Result.isFailure(parsed) ? parsed.failure.reason : "passes"
}

/** Ways to write the IPv4 address of four numbers so that a URL parser or a C library still understands it. */
const spellings: ReadonlyArray<(a: number, b: number, c: number, d: number) => string> = [
  (a, b, c, d) => `${a}.${b}.${c}.${d}`,
  (a, b, c, d) => `${a}.${b}.${c}.${d}.`,
  (a, b, c, d) => String(((a * 256 + b) * 256 + c) * 256 + d),
  (a, b, c, d) => `0x${(((a * 256 + b) * 256 + c) * 256 + d).toString(16)}`,
  (a, b, c, d) => `0X${(((a * 256 + b) * 256 + c) * 256 + d).toString(16).toUpperCase()}`,
  (a, b, c, d) => `0${(((a * 256 + b) * 256 + c) * 256 + d).toString(8)}`,
  (a, b, c, d) => [a, b, c, d].map((n) => `0x${n.toString(16)}`).join("."),
  (a, b, c, d) => [a, b, c, d].map((n) => `0${n.toString(8)}`).join("."),
  (a, b, c, d) => [a, b, c, d].map((n) => `0000${n.toString(8)}`).join("."),
  (a, b, c, d) => `${a}.${b}.${c * 256 + d}`,
  (a, b, c, d) => `${a}.${(b * 256 + c) * 256 + d}`,
  (a, b, c, d) => `0x${a.toString(16)}.0${b.toString(8)}.${c}.${d}`,
  (a, b, c, d) => `${a}。${b}．${c}｡${d}`,
  (a, b, c, d) => `${a}.${b}.${c}.${d}`.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (a, b, c, d) => `${a}.${b}.${c}.${d}`.replace(/\d/g, (digit) => String.fromCodePoint(0x1d7d8 + Number(digit))),
  (a, b, c, d) => `${a}.${b}.${c}.${d}`.replace(/[1-9]/g, (digit) => String.fromCodePoint(0x2460 + Number(digit) - 1)),
  (a, b, c, d) => `${a}.${b}.${c}.${d}`.replace(/\d/g, (digit) => `%3${digit}`),
  (a, b, c, d) => `${a}%2e${b}%2E${c}%E3%80%82${d}`,
  (a, b, c, d) => `${a}\t.${b}\n.${c}.\r${d}`,
  (a, b, c, d) => `${a}.${b}\u00ad.${c}.\u200b${d}`,
  (a, b, c, d) => `[::ffff:${a}.${b}.${c}.${d}]`,
  (a, b, c, d) => `[::${a}.${b}.${c}.${d}]`,
  (a, b, c, d) => `[0:0:0:0:0:FFFF:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}]`,
  (a, b, c, d) => `[64:ff9b::${a}.${b}.${c}.${d}]`,
  (a, b, c, d) => `[64:ff9b:1::${a}.${b}.${c}.${d}]`,
  (a, b, c, d) => `[2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::1]`,
  (a, b, c, d) => `[2001:0:0:0:0:0:${((a * 256 + b) ^ 0xffff).toString(16)}:${((c * 256 + d) ^ 0xffff).toString(16)}]`
]

describe("Target", () => {
  it("refuses every spelling of a blocked IPv4 address", () => {
    const blocked = fc.oneof(
      fc.constantFrom<ReadonlyArray<[number, number, number, number]>[number]>(
        [127, 0, 0, 1],
        [169, 254, 169, 254],
        [168, 63, 129, 16],
        [10, 0, 0, 1],
        [0, 0, 0, 0],
        [255, 255, 255, 255]
      ),
      fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255))
    )
    fc.assert(
      fc.property(blocked, fc.constantFrom(...spellings), fc.constantFrom("", ":8443"), ([a, b, c, d], spell, port) => {
        assert.strictEqual(refusal(`https://${spell(a, b, c, d)}${port}/hook`), "address")
      }),
      { numRuns: 2_000 }
    )
  })

  it.each([
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://2130706433/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::7f00:1]/",
    "https://[::a9fe:a9fe]/",
    "https://[100:0:0:1::1]/",
    "https://[fe80::1]/",
    "https://[fd00:ec2::254]/",
    "https://168.63.129.16/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://a.localhost/",
    "https://a.b.localhost./",
    "https://localhost.localdomain/",
    "https:\\\\127.0.0.1\\hook",
    "https:127.0.0.1/",
    "https:///127.0.0.1/",
    " https://127.0.0.1/ ",
    "ht\ntps://127.0.0.1/",
    "https://127.0.0.1:443/",
    "https://127.0.0.1?x",
    "https://127.0.0.1#x",
    "https://@127.0.0.1/"
  ])("refuses %j for its address", (url) => {
    assert.strictEqual(refusal(url), "address")
  })

  it.each([
    "http://example.com/",
    "http://1.1.1.1/",
    "http://127.0.0.1/",
    "http://localhost/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ws://example.com/",
    "unix:/var/run/docker.sock",
    "blob:https://example.com/x",
    "HTTP://example.com"
  ])("refuses %j for its scheme", (url) => {
    assert.strictEqual(refusal(url), "scheme")
  })

  it.each([
    "https://me@example.com/",
    "https://me:secret@example.com/",
    "https://:x@example.com/",
    "https://1.1.1.1@127.0.0.1/"
  ])("refuses %j for its userinfo", (url) => {
    assert.strictEqual(refusal(url), "userinfo")
  })

  it.each([0, 22, 25, 110, 143, 587, 993, 6667, 10080])("refuses port %d, which is not for HTTP", (port) => {
    assert.strictEqual(refusal(`https://example.com:${port}/`), "port")
  })

  it.each([
    "",
    "example.com/hook",
    "https://",
    "https://[::1",
    "https://[fe80::1%25eth0]/",
    "https://1.2.3.4.5/",
    "https://256.256.256.256/",
    "https://exa mple.com/",
    "https://example.com:99999/",
    "https://a%00b/"
  ])("refuses %j as no URL", (url) => {
    assert.strictEqual(refusal(url), "unparsable")
  })

  it.each([
    "https://example.com/hook?a=b",
    "https://example.com:8443/",
    "https://1.1.1.1/",
    "https://[2606:4700:4700::1111]/",
    "https://bücher.example/",
    "https://localhost.example.com/",
    "https://notlocalhost/",
    "https://example.com/@me",
    "https://example.com/?to=https://127.0.0.1/"
  ])("lets %j pass", (url) => {
    assert.strictEqual(refusal(url), "passes")
  })

  it("takes a URL apart the way it is dialled", () => {
    assert.deepStrictEqual(Result.getOrThrow(parseTarget("https://Bücher.example:443/a b?c#d", strict)), {
      origin: "https://xn--bcher-kva.example",
      host: "xn--bcher-kva.example",
      literal: false,
      secure: true,
      path: "/a%20b?c"
    })
    assert.deepStrictEqual(Result.getOrThrow(parseTarget("http://[::1]:8080", open)), {
      origin: "http://[::1]:8080",
      host: "::1",
      literal: true,
      secure: false,
      path: "/"
    })
  })

  it("with an allow list lets those addresses pass in the clear, and others not", () => {
    assert.strictEqual(refusal("http://127.0.0.1:3000/", open), "passes")
    assert.strictEqual(refusal("http://localhost:3000/", open), "passes")
    assert.strictEqual(refusal("https://[::1]/", open), "passes")
    assert.strictEqual(refusal("http://10.0.0.1/", open), "scheme")
    assert.strictEqual(refusal("http://1.1.1.1/", open), "scheme")
    assert.strictEqual(refusal("https://10.0.0.1/", open), "address")
    assert.strictEqual(refusal("https://[::ffff:127.0.0.1]/", open), "address")
  })
})
