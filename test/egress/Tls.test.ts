import { createServer } from "node:https"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress, type EgressRequest } from "../../src/egress/Egress.ts"
import { certificate, key } from "./Certificate.ts"
import { fakeDns } from "./FakeDns.ts"
import { listen } from "./Listener.ts"

const dns = fakeDns({ "secure.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]] })
const Open = Egress.layerWith({ allow: loopback }).pipe(Layer.provide(dns))

const get = (url: string): EgressRequest => ({ url, method: "GET", headers: {}, timeout: "20 seconds", maxBody: 1024 })

const secureServer = listen(
  createServer({ cert: certificate, key }, (_, response) => response.end("private")),
  "127.0.0.1"
)

/** Trusts the certificate as long as the scope is open. */
const trusted = Effect.acquireRelease(
  Effect.sync(() => {
    const before = getCACertificates("default")
    setDefaultCACertificates([...before, certificate])
    return before
  }),
  (before) => Effect.sync(() => setDefaultCACertificates(before))
)

describe("Egress over TLS", () => {
  it.effect("refuses a certificate that nobody vouches for, and says so", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const { port } = yield* secureServer
      const error = yield* Effect.flip(egress.request(get(`https://secure.test:${port}/`)))
      assert.strictEqual(error.message, "secure.test could not be reached: its TLS certificate is self-signed.")
    }).pipe(Effect.provide(Open))
  )

  it.effect("dials the judged address and holds the certificate against the name", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const { port } = yield* secureServer
      yield* trusted
      assert.strictEqual((yield* egress.request(get(`https://secure.test:${port}/`))).body, "private")
      const error = yield* Effect.flip(egress.request(get(`https://other.test:${port}/`)))
      assert.strictEqual(
        error.message,
        "other.test could not be reached: its TLS certificate is for another host name."
      )
    }).pipe(Effect.provide(Open))
  )
})
