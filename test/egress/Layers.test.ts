import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { Egress } from "../../src/egress/Egress.ts"
import { serve } from "./Listener.ts"

const configured = (allow: string) => ConfigProvider.layer(ConfigProvider.fromUnknown({ NEXUS_EGRESS_ALLOW: allow }))

const attempt = (host: string) =>
  Effect.gen(function* () {
    const egress = yield* Egress
    const { port } = yield* serve((_, response) => response.end("ok"))
    const url = `http://${host}:${port}/`
    yield* egress.check(url)
    return (yield* egress.request({ url, method: "GET", headers: {}, timeout: "20 seconds", maxBody: 16 })).body
  })

describe("Egress layers", () => {
  it.effect("by default leave this machine alone", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(attempt("127.0.0.1").pipe(Effect.provide(Egress.layer)))
      assert.strictEqual(error.message, "The URL must begin with https://")
    }).pipe(Effect.provide(configured("")))
  )

  it.effect("reach what NEXUS_EGRESS_ALLOW names", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* attempt("127.0.0.1").pipe(Effect.provide(Egress.layer)), "ok")
    }).pipe(Effect.provide(configured("127.0.0.0/8")))
  )

  it.effect("reach loopback in development, also by its name", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* attempt("127.0.0.1").pipe(Effect.provide(Egress.layerDevelopment)), "ok")
      assert.strictEqual(yield* attempt("localhost").pipe(Effect.provide(Egress.layerDevelopment)), "ok")
    }).pipe(Effect.provide(configured("10.1.0.0/16")))
  )

  it.effect("do not start with a network that is none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(attempt("127.0.0.1").pipe(Effect.provide(Egress.layer)))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, "intranet")
    }).pipe(Effect.provide(configured("intranet")))
  )
})
