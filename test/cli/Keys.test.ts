import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { parseKeys } from "../../src/vault/Keyring.ts"
import { runNexus } from "../support/NexusProcess.ts"

layer(NodeServices.layer, { excludeTestServices: true })("nexus keys generate", (it) => {
  it.effect("prints nothing but a key that NEXUS_ENCRYPTION_KEYS takes, another each time", () =>
    Effect.gen(function* () {
      const texts = yield* Effect.forEach([1, 2], () => runNexus(["keys", "generate"], {}))
      for (const { code, out, err } of texts) {
        assert.deepStrictEqual([code, err], [0, ""])
        const { sealing } = yield* parseKeys("the key", Redacted.make(out.replace(/\n$/, "")))
        assert.strictEqual(sealing.id, "k1")
      }
      assert.notStrictEqual(texts[0]?.out, texts[1]?.out)
    })
  )
})
