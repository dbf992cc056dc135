import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { runNexus } from "../support/NexusProcess.ts"

layer(NodeServices.layer, { excludeTestServices: true })("nexus openapi", (it) => {
  it.effect("prints the document of the API, whole, and needs no configuration", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* runNexus(["openapi"], {})
      assert.deepStrictEqual([code, err], [0, ""])
      const document = JSON.parse(out)
      assert.match(document.openapi, /^3\.1/)
      assert.containsAllKeys(document.paths, ["/integrations/webhooks", "/integrations/events", "/healthz"])
    })
  )
})
