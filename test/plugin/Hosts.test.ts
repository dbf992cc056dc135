import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option } from "effect"
import { ProviderId } from "../../src/domain/Ids.ts"
import { hostVariable, makeHosts } from "../../src/plugin/Hosts.ts"

const acme = ProviderId.make("ACME")
const declared = { api: "https://api.acme.example", instance: ["https://*.acme.example", "https://*.acme.test"] }

const hosts = (environment: Readonly<Record<string, string>> = {}) =>
  makeHosts(acme, declared).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
  )

describe("Hosts", () => {
  it.effect("lets declared hosts through as they are", () =>
    Effect.gen(function* () {
      const { route } = yield* hosts()
      for (const url of [
        "https://api.acme.example/v1?a=b",
        "https://eu.acme.example/",
        "https://a.b.acme.example/x",
        "https://EU.ACME.TEST/"
      ]) {
        const { url: dialled, forwardedHost } = Option.getOrThrow(route(new URL(url)))
        assert.deepStrictEqual([dialled.href, forwardedHost], [new URL(url).href, null])
      }
    })
  )

  it.effect("lets nothing else through", () =>
    Effect.gen(function* () {
      const { route } = yield* hosts()
      for (const url of [
        "https://evil-acme.example/",
        "https://acme.example/",
        "https://acme.example.attacker.net/",
        "https://evil-acme.example.attacker.net/",
        "https://eu.acme.example.attacker.net/",
        "https://attacker.net/.acme.example",
        "https://attacker.net#.acme.example",
        "https://eu.acme.example@attacker.net/",
        "https://attacker.net\\.acme.example/",
        "https://eu.acme.example:8443/",
        "https://api.acme.example:444/",
        "https://eu.acme.example./",
        "http://api.acme.example/",
        "http://eu.acme.example/",
        "ftp://eu.acme.example/"
      ]) {
        assert.isTrue(Option.isNone(route(new URL(url))), url)
      }
    })
  )

  it.effect("dials what a variable says, and tells which host was meant", () =>
    Effect.gen(function* () {
      assert.strictEqual(hostVariable(acme, "accountsEu"), "NEXUS_HOST_ACME_ACCOUNTS_EU")
      const { route } = yield* hosts({ NEXUS_HOST_ACME_INSTANCE: "http://127.0.0.1:4010" })
      const { url, forwardedHost } = Option.getOrThrow(route(new URL("https://eu.acme.example/v1/x?a=b%20c")))
      assert.deepStrictEqual([url.href, forwardedHost], ["http://127.0.0.1:4010/v1/x?a=b%20c", "eu.acme.example"])
      // The path is not taken for an address, whatever is in it.
      for (const path of ["//attacker.net/x", "/\\attacker.net/x", "///attacker.net//x?a=//b"]) {
        const { url } = Option.getOrThrow(route(new URL(`https://eu.acme.example${path}`)))
        assert.strictEqual(url.origin, "http://127.0.0.1:4010", path)
        assert.strictEqual(url.href, `http://127.0.0.1:4010${path.replaceAll("\\", "/")}`)
      }
      assert.strictEqual(Option.getOrThrow(route(new URL("https://api.acme.example/"))).forwardedHost, null)
      assert.isTrue(Option.isNone(route(new URL("https://attacker.net/"))))
    })
  )

  it.effect("names a variable that is no origin", () =>
    Effect.gen(function* () {
      for (const value of ["127.0.0.1:4010", "http://127.0.0.1/path", "ftp://127.0.0.1"]) {
        const { problems } = yield* Effect.flip(hosts({ NEXUS_HOST_ACME_API: value }))
        assert.deepStrictEqual(
          problems.map(({ variable }) => variable),
          ["NEXUS_HOST_ACME_API"]
        )
      }
    })
  )
})
