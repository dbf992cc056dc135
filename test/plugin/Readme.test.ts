import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"

const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")

describe("the manual of plugins", () => {
  it("shows the plugin that nexus plugin new writes, which passes its checks", () => {
    const [, shown] = /^```ts\n\/\/ Acme\.ts\n([\s\S]*?)^```$/m.exec(text("src/plugin/README.md")) ?? []
    assert.isDefined(shown)
    assert.isTrue(text("template/plugin/Acme.ts").endsWith(shown))
  })
})
