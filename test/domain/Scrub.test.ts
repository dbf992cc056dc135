import { Buffer } from "node:buffer"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { makeScrub } from "../../src/domain/Scrub.ts"

describe("A scrub", () => {
  it("takes a secret out in every spelling, wherever it stands", () => {
    const secret = fc.string({ unit: "binary", minLength: 12, maxLength: 60 }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (secret, before, after) => {
        const scrub = makeScrub([secret])
        const bytes = Buffer.from(before + secret + after)
        const first = Buffer.byteLength(before)
        const last = first + Buffer.byteLength(secret)
        // The characters of the encoding that belong to whole groups of the secret's own bytes.
        const own = [Math.ceil((first * 8) / 6), Math.floor((last * 8) / 6)] as const
        for (const encoding of ["base64", "base64url"] as const) {
          assert.notInclude(scrub(bytes.toString(encoding)), bytes.toString(encoding).slice(...own))
        }
        assert.notInclude(scrub(bytes.toString("hex")), Buffer.from(secret).toString("hex"))
        assert.strictEqual(scrub(`<${secret}>`), "<••••>")
        assert.strictEqual(scrub(`<${encodeURIComponent(secret)}>`), "<••••>")
        assert.strictEqual(scrub(JSON.stringify([secret])), '["••••"]')
      })
    )
  })

  it("leaves a text alone that has no secret in it", () => {
    assert.strictEqual(makeScrub(["", "a-long-secret"])("The token was refused"), "The token was refused")
  })
})
