import { createServer } from "node:http"
import { assert, describe, it, vi } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose"
import { Principal } from "../../src/domain/Principal.ts"
import { type KeySetFetch, Tokens } from "../../src/http/Tokens.ts"

const issuer = "https://login.example.com"
const now = 1_763_634_600

/** An identity provider on loopback: publishes the keys it is given, counts how often it is asked. */
const identityProvider = Effect.acquireRelease(
  Effect.callback<{ url: string; keys: Array<JWK>; requests: number; status: number; garbage: string; close(): void }>(
    (resume) => {
      const provider = {
        url: "",
        keys: [] as JWK[],
        requests: 0,
        status: 200,
        garbage: "",
        close: () => server.close()
      }
      const server = createServer((_, response) => {
        provider.requests++
        response.writeHead(provider.status, { "content-type": "application/json", connection: "close" })
        response.end(provider.garbage || JSON.stringify({ keys: provider.keys }))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        provider.url = `http://127.0.0.1:${typeof address === "object" ? address?.port : address}/keys`
        resume(Effect.succeed(provider))
      })
    }
  ),
  (provider) => Effect.sync(() => provider.close())
)

const tokensOf = (url: string, fetchKeys: KeySetFetch = fetch) =>
  Tokens.pipe(
    Effect.provide(
      Tokens.layer(fetchKeys).pipe(
        Layer.provide(
          ConfigProvider.layer(
            ConfigProvider.fromUnknown({ JWT_JWKS_URL: url, JWT_ISSUER: issuer, JWT_AUDIENCE: "nexus" })
          )
        )
      )
    )
  )

const keyPair = (alg: string, kid: string) =>
  Effect.promise(async () => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    return { publicKey, privateKey, alg, kid, jwk: { ...(await exportJWK(publicKey)), kid } }
  })

const signed = (key: CryptoKey | Uint8Array, header: { alg: string; kid?: string }) =>
  Effect.promise(() =>
    new SignJWT({ sub: "user-123", iss: issuer, aud: "nexus", exp: now + 60 }).setProtectedHeader(header).sign(key)
  ).pipe(Effect.map((token) => Redacted.make(token)))

const signedBy = ({ privateKey, alg, kid }: Effect.Success<ReturnType<typeof keyPair>>) =>
  signed(privateKey, { alg, kid })

describe("Tokens with JWT_JWKS_URL", () => {
  it.effect.each(["RS256", "PS256", "ES256", "EdDSA"])("accepts %s by the published key, fetched once", (alg) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const provider = yield* identityProvider
      const pair = yield* keyPair(alg, "a")
      provider.keys.push(pair.jwk)
      const tokens = yield* tokensOf(provider.url)
      const token = yield* signedBy(pair)
      const principals = yield* Effect.all(
        Array.from({ length: 20 }, () => tokens.verify(token)),
        {
          concurrency: "unbounded"
        }
      )
      assert.deepStrictEqual(principals[19]?.principal, new Principal({ userId: "user-123", scopes: [] }))
      assert.strictEqual(provider.requests, 1)
    })
  )

  it.effect("refuses an HMAC made with the public key, in every encoding of it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const provider = yield* identityProvider
      const pair = yield* keyPair("RS256", "a")
      provider.keys.push(pair.jwk)
      const tokens = yield* tokensOf(provider.url)
      const pem = yield* Effect.promise(() => exportSPKI(pair.publicKey))
      for (const text of [pem, pem.trimEnd(), JSON.stringify(pair.jwk), pair.jwk.n ?? ""]) {
        const token = yield* signed(new TextEncoder().encode(text), { alg: "HS256", kid: "a" })
        const error = yield* Effect.flip(tokens.verify(token))
        assert.propertyVal(error, "reason", "algorithm")
      }
    })
  )

  it.effect("follows a rotation of the keys, but asks at most every 30 seconds whatever tokens come", () =>
    Effect.gen(function* () {
      // jose spaces its requests by the system's date, not by the test clock.
      vi.useFakeTimers({ toFake: ["Date"], now: now * 1000 })
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.useRealTimers()))
      yield* TestClock.setTime(now * 1000)
      const provider = yield* identityProvider
      const [first, second] = [yield* keyPair("ES256", "a"), yield* keyPair("ES256", "b")]
      provider.keys = [first.jwk]
      const tokens = yield* tokensOf(provider.url)
      yield* tokens.verify(yield* signedBy(first))

      provider.keys = [second.jwk]
      const rotated = yield* signedBy(second)
      for (let attempt = 0; attempt < 10; attempt++) {
        assert.propertyVal(yield* Effect.flip(tokens.verify(rotated)), "reason", "unknown-key")
      }
      assert.strictEqual(provider.requests, 1, "within 30 seconds of the last answer nothing is asked")

      vi.setSystemTime((now + 31) * 1000)
      assert.strictEqual((yield* tokens.verify(rotated)).principal.userId, "user-123")
      assert.propertyVal(yield* Effect.flip(tokens.verify(yield* signedBy(first))), "reason", "unknown-key")
      assert.strictEqual(provider.requests, 2)
    })
  )

  it.effect("asks for the key's name when several keys could have signed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const provider = yield* identityProvider
      const pair = yield* keyPair("ES256", "a")
      provider.keys = [pair.jwk, (yield* keyPair("ES256", "b")).jwk]
      const token = yield* signed(pair.privateKey, { alg: "ES256" })
      const error = yield* Effect.flip((yield* tokensOf(provider.url)).verify(token))
      assert.strictEqual(error.message, 'The token does not say with which key it is signed ("kid")')
    })
  )

  it.effect("blames the key set, not the token, while it can't be read, and recovers", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const provider = yield* identityProvider
      const pair = yield* keyPair("ES256", "a")
      const tokens = yield* tokensOf(provider.url)
      const token = yield* signedBy(pair)

      provider.status = 503
      const error = yield* Effect.flip(tokens.verify(token))
      assert.strictEqual(error._tag, "TokenKeysUnreachable")
      assert.include(error.message, provider.url)
      provider.status = 302
      assert.strictEqual((yield* Effect.flip(tokens.verify(token)))._tag, "TokenKeysUnreachable")
      provider.status = 200
      for (provider.garbage of ["<html>", "[]", '{"keys":{}}']) {
        assert.strictEqual((yield* Effect.flip(tokens.verify(token)))._tag, "TokenKeysUnreachable", provider.garbage)
      }

      provider.garbage = ""
      provider.keys = [pair.jwk]
      assert.strictEqual((yield* tokens.verify(token)).principal.userId, "user-123")
    })
  )

  it.effect("goes out only through the fetch that it is given, with a time limit and no redirects", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const requests: Array<Parameters<KeySetFetch>> = []
      const tokens = yield* tokensOf("https://login.example.com/keys", (...request) => {
        requests.push(request)
        return Promise.reject(new DOMException("Too late", "TimeoutError"))
      })
      const error = yield* Effect.flip(tokens.verify(yield* signedBy(yield* keyPair("ES256", "a"))))
      assert.strictEqual(error._tag, "TokenKeysUnreachable")
      assert.strictEqual(requests.length, 1)
      assert.strictEqual(requests[0]?.[0], "https://login.example.com/keys")
      assert.strictEqual(requests[0]?.[1].redirect, "manual")
      assert.instanceOf(requests[0]?.[1].signal, AbortSignal)
    })
  )

  it.effect("issues nothing, and says who does", () =>
    Effect.gen(function* () {
      const tokens = yield* tokensOf("https://login.example.com/keys")
      const error = yield* Effect.flip(tokens.issue(new Principal({ userId: "user-123", scopes: [] }), "1 hour"))
      assert.include(error.message, issuer)
    })
  )
})
