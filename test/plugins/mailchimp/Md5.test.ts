import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { md5 } from "../../../plugins/mailchimp/Md5.ts"

describe("md5", () => {
  it("names the member of Mailchimp's own guide", () => {
    assert.strictEqual(md5("urist.mcvankab@freddiesjokes.com"), "62eeb292278cc15f5817cb78f7790b08")
  })

  it("agrees with OpenSSL on any text, of any length", () => {
    const reference = (text: string) => createHash("md5").update(text, "utf8").digest("hex")
    for (let length = 0; length < 200; length++) {
      assert.strictEqual(md5("a".repeat(length)), reference("a".repeat(length)))
    }
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
        assert.strictEqual(md5(text), reference(text))
      })
    )
  })
})
