import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { IpNetwork } from "effect/net"
import { allowList } from "../../src/egress/AllowList.ts"

const parse = (value: Record<string, string>) => allowList.parse(ConfigProvider.fromUnknown(value))

describe("NEXUS_EGRESS_ALLOW", () => {
  it.effect("is empty by default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parse({}), [])
      assert.deepStrictEqual(yield* parse({ NEXUS_EGRESS_ALLOW: " " }), [])
    })
  )

  it.effect("takes networks separated by commas", () =>
    Effect.gen(function* () {
      const networks = yield* parse({ NEXUS_EGRESS_ALLOW: "10.1.0.0/16, fd00::/8,127.0.0.1/32" })
      assert.deepStrictEqual(networks.map(IpNetwork.format), ["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"])
    })
  )

  it.effect("names the variable and every part that is not a network", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(parse({ NEXUS_EGRESS_ALLOW: "10.1.0.0/16,10.0.0.1/8,intranet,10.0.0.0/33" }))
      for (const part of ["NEXUS_EGRESS_ALLOW", '"10.0.0.1/8"', '"intranet"', '"10.0.0.0/33"']) {
        assert.include(error.message, part)
      }
      assert.notInclude(error.message, '"10.1.0.0/16" is')
    })
  )
})
