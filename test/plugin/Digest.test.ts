import { assert, describe, it } from "@effect/vitest"
import { digest } from "../../src/plugin/Digest.ts"

describe("digest", () => {
  it("is the one that providers publish and that the RFCs list", () => {
    // From Mailchimp's guide to subscriber hashes, RFC 3174 and FIPS 180-2.
    assert.strictEqual(digest("md5", "urist.mcvankab@freddiesjokes.com"), "62eeb292278cc15f5817cb78f7790b08")
    assert.strictEqual(digest("sha1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d")
    assert.strictEqual(digest("sha256", "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  })
})
